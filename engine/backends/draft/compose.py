"""Words to music: arrange, render, mix."""

from collections.abc import Callable

from engine.audio import FloatArray
from engine.backends.draft.arranger import arrange
from engine.backends.draft.mixing import mix
from engine.backends.draft.samples import Pack
from engine.backends.draft.score import Score
from engine.backends.draft.synth import render
from engine.spec import RenderSpec

SYNTHESIS_SHARE = 0.6
"""How much of the work is done when all notes are rendered."""


def compose(
    spec: RenderSpec, seed: int, frames: int, rate: int, report: Callable[[float], None], pack: Pack | None = None
) -> tuple[FloatArray, dict[str, FloatArray], Score]:
    """Make a new piece: mix and stems, float32 [2, frames] at `rate`, and the score that they play.

    The same spec, seed, frames and rate give the same samples. `report` gets the fraction done, 0 to 1;
    what it raises ends the work. A `pack` that is kept from call to call spares decoding its files again. Raises
    EngineError when a style file is broken.
    """
    score = arrange(spec, seed)
    done = 0.0

    def rising(fraction: float) -> None:
        nonlocal done
        done = max(done, fraction)
        report(done)

    stems = render(score, frames, rate, loop=spec.loop, report=lambda part: rising(part * SYNTHESIS_SHARE), pack=pack)
    stems, mixed = mix(
        stems, score, rate, loop=spec.loop, report=lambda part: rising(SYNTHESIS_SHARE + part * (1 - SYNTHESIS_SHARE))
    )
    rising(1.0)
    return mixed, stems, score
