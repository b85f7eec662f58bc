"""`add guitar`: instruments that join in where a place was filled again, on the beats and chords that are heard there."""

import re
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from engine.analysis.spectrum import FloatArray
from engine.audio import loudness
from engine.backends.base import Heard, Report, Span
from engine.backends.draft.arranger import arrange_on
from engine.backends.draft.band import BEATEN
from engine.backends.draft.excerpt import excerpt
from engine.backends.draft.fit import BELOW_MIX_LU, SILENT_LUFS, folded, level_gain, paced, presence, rendered_stems
from engine.backends.draft.listening import Listening, listen
from engine.backends.draft.progress import Ticks
from engine.backends.draft.prompt import read
from engine.backends.draft.samples import Pack
from engine.backends.draft.score import Score
from engine.backends.draft.stylebook import load_styles, load_vocabulary
from engine.backends.draft.wishes import without_wishes
from engine.spec import RenderSpec
from engine.units import SampleRate, Seconds, Seed

Stems: TypeAlias = dict[str, FloatArray]
"""Track name to [channels, frames]."""

_ADD = re.compile(r"(?<![\w-])(?:add(?:ing|ed)?|bring(?:ing)?\s+in)\s+([^.;:!?\n]*)")
_DENIED = re.compile(r"\b(?:no|not|don't|never|without)\s+$")
_END = re.compile(
    r"(?<![\w-])(?:to|over|under|on|above|below|behind|against|into|like|for|but|then|while"
    r"|keep|leave|make|remove|mute|drop|cut)(?![\w-])"
)
"""Words after which something else is spoken of than what is added."""


def asked_tracks(prompt: str) -> tuple[str, ...]:
    """The tracks that a prompt asks to add: `add strings and a bass line`."""
    text = without_wishes(prompt)
    tracks: list[str] = []
    for match in _ADD.finditer(text):
        if not _DENIED.search(text[: match.start()]):
            wanted = read(_END.split(match[1])[0], load_styles(), load_vocabulary()).wanted
            tracks += [instrument.track for instrument in wanted]
    return tuple(dict.fromkeys(tracks))


@dataclass(frozen=True, slots=True)
class Addition:
    """Parts for a whole window, ready to be played in any stretch of it."""

    listening: Listening
    """To the window, its filled places included."""
    score: Score
    """In seconds from the window's start."""

    @property
    def note(self) -> str:
        """What the user should know of how the music was understood; may be empty."""
        beaten_only = all(part.name in BEATEN for part in self.score.parts)
        return "" if beaten_only else self.listening.note

    def stems(self, music: FloatArray, rate: SampleRate, low: int, inside: Span, pack: Pack, report: Report) -> Stems:
        """Each part in a stretch of the window that begins at frame `low`: [channels, frames], silent outside of `inside`.

        `music` is the stretch itself: each part lies as far under its loudness as in a mix.
        """
        channels, frames = music.shape
        lufs = float(loudness(music, rate))
        if lufs < SILENT_LUFS:
            return {}
        score = excerpt(self.score, low / rate, (low + frames) / rate)
        gain = presence(self.listening, low + frames, rate)[low:]
        made: Stems = {}
        for track, stem in rendered_stems(score, frames, rate, report, pack).items():
            heard = folded((stem * gain)[:, inside.first : inside.end], channels)
            if heard.any():
                made[track] = np.zeros_like(music)
                made[track][:, inside.first : inside.end] = heard * level_gain(heard, rate, lufs - BELOW_MIX_LU[track])
        return made


def prepared(
    music: FloatArray, heard: Heard, spec: RenderSpec, tracks: tuple[str, ...], seed: Seed, report: Report
) -> Addition:
    """Listen to a window [channels, frames] whose places are filled, and write parts that play along with it."""
    # Whoever listens takes the window's first frame for the source's.
    changes = spec.tempo_map and tuple((change[0] - heard.start, *change[1:]) for change in spec.tempo_map)
    position = None if spec.position is None else Seconds(spec.position + heard.start)
    here = spec.model_copy(update={"tempo_map": changes, "position": position})
    whole = Heard(music, heard.rate, Seconds(0.0), heard.source, heard.spans)
    listening = listen(whole, here, Ticks(report))
    return Addition(listening, listening.on_grid(arrange_on(listening.form, paced(spec, listening), seed, tracks)))
