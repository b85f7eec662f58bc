"""The plan of a job: made once for all of its takes, kept by its content, and put into the spec that is rendered."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.backends.acestep.cache import Tensors, key
from engine.backends.acestep.planner.metadata import Metadata
from engine.backends.acestep.planner.scoring import score
from engine.backends.acestep.planner.thinking import Thinker, Words
from engine.backends.base import Report
from engine.expert import Expert
from engine.progress import shared
from engine.spec import RenderSpec
from engine.units import Seconds, Seed

if TYPE_CHECKING:
    from engine.backends.acestep.session import Session

THINKING_SHARE = 0.2
"""Of the time that a plan takes."""
_SEEDS = 2**32
_LONGEST_NOTE = 200
"""Characters of a caption."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What is rendered in place of what was asked for."""

    spec: RenderSpec
    codes: Tensor | None = None
    """[count], of one take."""


def planned(
    session: "Session", spec: RenderSpec, seed: Seed, seconds: Seconds, how_many: int, report: Report
) -> Planned:
    """The plan of one take; `how_many`: codes, 0 for metadata only.

    Text and codes of all takes of a job are written in one go, when the first is rendered.
    """
    assert session.desk is not None
    seeds = _seeds(spec, seed)
    found = _kept(session, spec, seeds, seconds, how_many, report)
    told = json.loads(bytes(found["words"].tolist()))
    session.notes += told["notes"]
    words = Words(told["caption"], told["lyrics"], Metadata(**told["metadata"]))
    codes = found["codes"][seeds.index(seed)].long() if "codes" in found else None
    return Planned(words.into(spec), codes)


def scored(session: "Session", spec: RenderSpec, latents: Tensor, seconds: Seconds, report: Report) -> float:
    """How well a take [1, frames, channels] does what its planned spec says, 0 to 1."""
    assert session.desk is not None
    heard = session.heard(latents)
    with session.desk.present(session.occupancy.residency, report) as (lm, scoring):
        return score(lm, heard, Words.of(spec, seconds), scoring)


def _seeds(spec: RenderSpec, seed: Seed) -> list[Seed]:
    """Those of the whole job."""
    seeds = [Seed((spec.seed + number) % _SEEDS) for number in range(spec.takes)]
    return seeds if seed in seeds else [seed]


def _kept(
    session: "Session", spec: RenderSpec, seeds: Sequence[Seed], seconds: Seconds, how_many: int, report: Report
) -> Tensors:
    assert session.desk is not None
    asked = spec.model_dump_json(
        include={"verb", "prompt", "lyrics", "language", "bpm", "meter", "key", "planner", "expert"}
    )
    name = key("plan", session.desk.print, asked, json.dumps(list(seeds)), float(seconds), how_many, session.desk.batch)
    return session.cache.kept(name, lambda: _made(session, spec, seeds, seconds, how_many, report))


def _made(
    session: "Session", spec: RenderSpec, seeds: Sequence[Seed], seconds: Seconds, how_many: int, report: Report
) -> dict[str, Tensor]:
    assert session.desk is not None
    expert = spec.expert or Expert()
    notes: list[str] = []
    asked = words = Words.of(spec, seconds)
    seed = seeds[0] if expert.planner_seed is None else expert.planner_seed
    codes = None
    with session.desk.present(session.occupancy.residency, report) as (lm, working):
        thinker = Thinker(lm, expert, notes.append)
        with_codes = how_many > 0 and expert.planner_codes
        thinking = shared(working, 0.0, THINKING_SHARE if with_codes else 1.0)
        match spec.planner:
            case "inspire":
                asked = words = thinker.inspire(words, seed, thinking)
            case "rewrite":
                asked = words = thinker.rewrite(words, seed, thinking)
            case _:
                words = thinker.plan(words, seed, thinking, reworded=expert.planner_caption and how_many > 0)
        if with_codes:
            codes = _codes(thinker, asked, words, how_many, seeds, session.desk.batch, working)
        notes.append(_said(words, session.desk.folder.name if session.desk.folder else ""))
    told = {"caption": words.caption, "lyrics": words.lyrics, "metadata": asdict(words.metadata), "notes": notes}
    found = {"words": torch.tensor(list(json.dumps(told).encode()), dtype=torch.uint8)}
    return found if codes is None else found | {"codes": codes.int()}


def _codes(
    thinker: Thinker, asked: Words, words: Words, how_many: int, seeds: Sequence[Seed], batch: int, report: Report
) -> Tensor | None:
    rows = []
    for first in range(0, len(seeds), batch):
        shares = (THINKING_SHARE + (1 - THINKING_SHARE) * min(at / len(seeds), 1) for at in (first, first + batch))
        codes = thinker.codes(asked, words, how_many, seeds[first : first + batch], shared(report, *shares))
        if codes is None:
            return None
        rows.append(codes)
    return torch.cat(rows)


def _said(words: Words, name: str) -> str:
    """The plan as a note for the user."""
    found: dict[str, Any] = words.metadata.given() | {"caption": words.caption}
    facts = [f"{found['bpm']} bpm" if "bpm" in found else "", found.get("keyscale", ""), found.get("language", "")]
    said = shorten(str(found["caption"]), _LONGEST_NOTE, placeholder=" …")
    return f"planned by {name}: {', '.join(filter(None, facts))}: {said}"
