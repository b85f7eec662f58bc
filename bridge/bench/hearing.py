"""`punchin bench hearing`: chords, key, tempo and beats as the engine hears them, beside what is known to be true."""

import json as encoder
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge.bench.loops import loops
from bridge.bench.pieces import Piece, pieces
from bridge.bench.songs import Song, songs
from bridge.flags import Json
from engine.analysis import estimate_tempo

HEARD_SECONDS = 40.0
"""Of a song its middle is heard."""
CLOSE = 0.01
"""A tempo is right within 1 %."""
RELATED = (1 / 3, 1 / 2, 2 / 3, 3 / 2, 2, 3)
"""What a tempo may be mistaken for while its beats are still of use."""
_SONGS_HELP = "folder with songs of Frets on Fire, e.g. of Debian's fretsonfire-songs-sectoid and -muldjord"
_LOOPS_HELP = "folder with the loops of Debian's sonic-pi-samples (CC0)"
_MEASURES = ("chords", "blind_chords", "key", "blind_key", "beat_error_ms")
_HEADINGS = ("chords", "chords, blind", "key", "key, blind", "beats ms")
Row = dict[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class Tempo:
    """What was heard of one recording's tempo."""

    kind: str
    name: str
    bpm: float
    heard_bpm: float


def hearing(
    *,
    song_folder: Annotated[Path | None, Parameter(name="--songs", help=_SONGS_HELP)] = None,
    loop_folder: Annotated[Path | None, Parameter(name="--loops", help=_LOOPS_HELP)] = None,
    seeds: Annotated[int, Parameter(help="pieces of our own a style; 0 for none")] = 4,
    styles: Annotated[int | None, Parameter(help="only so many styles, the first by name")] = None,
    json: Json = False,
) -> int:
    """Hear pieces whose chords, key and beats are known, and songs and loops whose tempo is.

    Chords are counted by half bars. Where it does not say `blind`, the true bar lines are given; tempi are always heard
    from audio alone.
    """
    tempi = [_heard("songs", _middle(song)) for song in (songs(song_folder) if song_folder else ()) if song.bpm]
    tempi += [_heard("loops", loop) for loop in (loops(loop_folder) if loop_folder else ())]
    heard = []
    for piece in pieces(styles, seeds):
        heard.append(piece)
        tempi.append(Tempo("own pieces", f"{piece.style} {piece.seed}", piece.bpm, piece.heard_bpm))
        if not json:
            sys.stderr.write(f"{piece.style}, seed {piece.seed}\n")
    if json:
        told = {
            "pieces": [{key: _plain(value) for key, value in asdict(piece).items()} for piece in heard],
            "styles": list(_style_means(heard)),
            "tempi": [asdict(tempo) for tempo in tempi],
            "tempo": list(_tempo_means(tempi)),
        }
        sys.stdout.write(encoder.dumps(told, indent=2) + "\n")
        return 0
    if heard:
        Console().print(_table("Heard in pieces of our own", ("style", "pieces", *_HEADINGS), _style_means(heard)))
    headings = ("what", "count", "tempo right", "or related")
    Console().print(_table("Tempo, blind, within 1 %", headings, _tempo_means(tempi)))
    return 0


def _middle(song: Song) -> Song:
    frames = min(song.frames, round(HEARD_SECONDS * song.rate))
    first = (song.frames - frames) // 2
    return Song(song.name, song.path, song.samples[:, first : first + frames], song.rate, song.bpm)


def _heard(kind: str, song: Song) -> Tempo:
    return Tempo(kind, song.name, song.bpm or math.nan, float(estimate_tempo(song.samples, song.rate)))


def _is_near(tempo: Tempo, factors: Iterable[float]) -> bool:
    return any(abs(tempo.heard_bpm / (factor * tempo.bpm) - 1) < CLOSE for factor in factors)


def _style_means(heard: Sequence[Piece]) -> Iterator[Row]:
    """One row a style, and one for all."""
    for style in dict.fromkeys(piece.style for piece in heard):
        yield _mean(style, [piece for piece in heard if piece.style == style])
    if heard:
        yield _mean("all", heard)


def _mean(name: str, group: Sequence[Piece]) -> Row:
    """A piece without a triad, as power chords are, says nothing of chords."""
    means: Row = {}
    for measure in _MEASURES:
        values = [value for value in (float(getattr(piece, measure)) for piece in group) if not math.isnan(value)]
        means[measure] = float(np.mean(values)) if values else None
    return {"style": name, "pieces": len(group), **means}


def _tempo_means(tempi: Sequence[Tempo]) -> Iterator[Row]:
    """One row a kind of recording."""
    for kind in dict.fromkeys(tempo.kind for tempo in tempi):
        group = [tempo for tempo in tempi if tempo.kind == kind]
        right = float(np.mean([_is_near(tempo, (1.0,)) for tempo in group]))
        related = float(np.mean([_is_near(tempo, (1.0, *RELATED)) for tempo in group]))
        yield {"what": kind, "count": len(group), "right": right, "related": related}


def _plain(value: str | float) -> str | float | None:
    return None if isinstance(value, float) and math.isnan(value) else value


def _table(title: str, headings: Sequence[str], rows: Iterable[Row]) -> Table:
    table = Table(title=title)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()), style="bold" if "all" in row.values() else "")
    return table


def _cell(value: str | float | None) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
