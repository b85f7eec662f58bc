"""From a score to stems. Only `sound` knows where a note's audio comes from: the sample pack, or synthesis."""

from collections.abc import Callable

import numpy as np

from engine.audio import FloatArray
from engine.backends.draft.drumkit import KITS, drum
from engine.backends.draft.sampler import Sampler
from engine.backends.draft.samples import Pack
from engine.backends.draft.score import Note, Score
from engine.backends.draft.timbres import TIMBRES
from engine.backends.draft.tone import tone

NOTES_A_REPORT = 32
"""Notes that were rendered before cost microseconds; a report each so many is often enough."""


def sound(
    instrument: str,
    pitch: int,
    velocity: float,
    seconds: float,
    rate: int,
    tick: Callable[[], None],
    sampler: Sampler | None = None,
) -> FloatArray:
    """The samples of one note or hit: float32 [1 or 2, frames], from its onset until it has died away.

    `tick` is called every few ten milliseconds of work. A `sampler` of the same rate keeps what it has decoded and
    resampled from note to note. Raises KeyError for an instrument that there is none of.
    """
    if instrument in TIMBRES:
        return tone(TIMBRES[instrument], pitch, velocity, seconds, rate, tick)
    if instrument in KITS:
        return drum(KITS[instrument], pitch, velocity, rate)
    sampler = sampler or Sampler(Pack(), rate)
    if instrument in sampler.pack.kits:
        hit = sampler.hit(instrument, pitch, velocity, tick)
        # Shakers above all: synthesised noise reaches low sample rates, where a recorded one has nothing left.
        return drum(KITS["kit_808"], pitch, velocity, rate) if hit is None else hit
    return sampler.note(instrument, pitch, velocity, seconds, tick)


def pitched_instruments(pack: Pack) -> frozenset[str]:
    """The names of all that plays notes."""
    return frozenset((*TIMBRES, *pack.instruments))


def drum_kits(pack: Pack) -> frozenset[str]:
    """The names of all kits."""
    return frozenset((*KITS, *pack.kits))


def render(
    score: Score, frames: int, rate: int, *, loop: bool, report: Callable[[float], None], pack: Pack | None = None
) -> dict[str, FloatArray]:
    """Render each part: track name to float32 [2, frames] at `rate`.

    What sounds past the end is cut, or with `loop` goes on at the start. `report` gets the fraction done, for each new
    note and each run of old ones. A `pack` that is kept from call to call spares decoding its files again.
    """
    sampler = Sampler(pack or Pack(), rate)
    total = max(1, sum(len(part.notes) for part in score.parts))
    stems: dict[str, FloatArray] = {}
    done = 0
    kits = drum_kits(sampler.pack)

    def tick() -> None:
        report(done / total)

    for part in score.parts:
        stem = np.zeros((2, frames), np.float32)
        rendered: dict[tuple[int, float, int], FloatArray] = {}
        for note in part.notes:
            key = _key(note, score, drums=part.instrument in kits)
            if key not in rendered:
                rendered[key] = sound(part.instrument, note.pitch, note.velocity, key[2] / 1000, rate, tick, sampler)
                tick()
            elif done % NOTES_A_REPORT == 0:
                tick()
            add(stem, rendered[key], round(score.seconds_at(note.start) * rate), loop=loop)
            done += 1
        stems[part.name] = stem
    return stems


def _key(note: Note, score: Score, *, drums: bool) -> tuple[int, float, int]:
    """Pitch, velocity and milliseconds: notes that agree in all three are rendered once; drums ring as they ring."""
    seconds = score.seconds_at(note.start + note.length) - score.seconds_at(note.start)
    held = 0 if drums else max(1, round(seconds * 1000))
    return note.pitch, note.velocity, held


def add(stem: FloatArray, samples: FloatArray, start: int, *, loop: bool) -> None:
    """Add `samples` [1 or 2, n] to a stem [2, frames] from frame `start` on, in place; past the end they wrap or go."""
    frames = stem.shape[1]
    if loop:
        start %= frames
    while start < frames and samples.shape[1]:
        count = min(frames - start, samples.shape[1])
        stem[:, start : start + count] += samples[:, :count]
        if not loop:
            return
        samples, start = samples[:, count:], 0
