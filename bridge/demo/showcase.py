"""`python -m bridge.demo.showcase FOLDER` draws the pictures of docs/draft-engine.md, from the song of the demo."""

import sys
from importlib.resources import as_file, files
from pathlib import Path

from bridge.demo.picture import Region, Row
from bridge.demo.spectrogram import spectrograms
from engine import audio
from engine.audio import Clip, FloatArray
from engine.backends.base import MIX, PLAIN, Heard, Span
from engine.backends.draft.backend import Draft
from engine.placement import Part, place
from engine.spec import RenderSpec
from engine.units import Frames, Seconds, Seed

SONG = "escape_from_chaosland.ogg"
BPM = 135.0
BEAT = 60 / BPM
SELECTION = (Seconds(8 * BEAT), Seconds(16 * BEAT))
"""Two bars of the song's five."""
WORDS = "no drums, add piano"
_CROSSFADE_SECONDS = 0.03


def main(folder: Path) -> None:
    """Draw `repaint.png` and `stems.png` into a folder."""
    with as_file(files("bridge.demo") / "audio" / SONG) as path:
        song = audio.read(path, Frames(0), audio.probe(path).frames)
    engine = Draft()
    draw_repaints(song, engine, folder / "repaint.png")
    draw_stems(song, engine, folder / "stems.png")


def draw_repaints(song: Clip, engine: Draft, out: Path) -> None:
    """The song, two bars of it repainted, and the same with words."""
    start, end = SELECTION
    rows = [Row("source", song.samples, regions=(Region(start, end, "selection", "selection"),))]
    for label, words in (("repaint", ""), ("in words", WORDS)):
        whole = song.samples.copy()
        span = Span(Frames(round(start * song.rate)), Frames(round((end - start) * song.rate)))
        whole[:, span.first : span.end] = _repainted(song, span, engine, words)
        region = Region(start, end, words or "rendered from what surrounds it", "clip")
        rows.append(Row(label, whole, regions=(region,), seams=(start, end)))
    spectrograms(rows, song.rate, title="Two bars of a song, repainted by the draft engine", out=out)


def _repainted(song: Clip, span: Span, engine: Draft, words: str) -> FloatArray:
    shown = song.samples.copy()
    shown[:, span.first : span.end] = 0
    everything = Span(Frames(0), song.frames)
    values = {"verb": "repaint", "source": f"/{SONG}", "start": SELECTION[0], "end": SELECTION[1], "bpm": BPM}
    spec = RenderSpec.parse({**values, "prompt": words})
    tracks = engine.render(
        spec, Heard(shown, song.rate, Seconds(0.0), everything, (span,)), Seed(0), lambda _, __: None
    ).tracks
    seen = Heard(song.samples, song.rate, Seconds(0.0), everything, (span,))
    crossfade = Frames(round(_CROSSFADE_SECONDS * song.rate))
    return place(seen, tracks[MIX], Part(span, span), crossfade=crossfade, handles=Frames(0), plain=tracks.get(PLAIN))


def draw_stems(song: Clip, engine: Draft, out: Path) -> None:
    """The song and what it is split into."""
    everything = Span(Frames(0), song.frames)
    spec = RenderSpec.parse({"verb": "extract", "source": f"/{SONG}", "tracks": "all"})
    heard = Heard(song.samples, song.rate, Seconds(0.0), everything, (everything,))
    stems = engine.render(spec, heard, Seed(0), lambda _, __: None).tracks
    rows = [Row("source", song.samples), *(Row(name, stem) for name, stem in stems.items())]
    spectrograms(rows, song.rate, title="A song split by the draft engine", out=out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
