"""What the planner makes of a source: its latents as codes, and the codes as words."""

from engine.backends.acestep.canvas import laid_out
from engine.backends.acestep.planner.thinking import Thinker, meter
from engine.backends.acestep.session import Session
from engine.backends.base import Heard, Report
from engine.expert import Expert
from engine.progress import shared
from engine.spec import RANDOM_SEED, RenderSpec
from engine.understanding import Told

READING_SHARE = 0.3


def told(session: Session, spec: RenderSpec, heard: Heard, report: Report) -> Told:
    """Describe a window, all of it; what the spec says of the music is not shown to the planner, so that it can be compared."""
    assert session.desk is not None
    latents = session.latents(laid_out(heard, session.hop).samples, shared(report, 0.0, READING_SHARE))
    codes = session.heard(latents)
    with session.desk.present(session.occupancy.residency, shared(report, READING_SHARE, 1.0)) as (lm, thinking):
        seed = 0 if spec.seed == RANDOM_SEED else spec.seed
        found = Thinker(lm, spec.expert or Expert(), session.notes.append).understand(codes, seed, thinking)
    said = found.metadata
    return Told(
        bpm=None if said.bpm is None else float(said.bpm),
        key=said.keyscale,
        meter=None if said.timesignature is None else meter(said.timesignature),
        language=said.language,
        caption=found.caption or None,
        lyrics=found.lyrics or None,
        note="; ".join(dict.fromkeys(session.notes)),
    )
