"""The engines that are installed: ours and those of other packages, found through entry points alike."""

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points

from loguru import logger

from engine.backends.base import Description
from engine.errors import PunchinError, Unsupported
from engine.spec import ALL, RESIDUAL, RenderSpec

GROUP = "punchin.engines"
PREFERENCE = ("acestep", "draft")
"""What `auto` tries first; engines of other packages come last, by name."""


def installed() -> dict[str, Description]:
    """Name to description of every engine, most preferred first. One that cannot be imported is logged and left out."""
    found: dict[str, Description] = {}
    for entry in entry_points(group=GROUP):
        try:
            found[entry.name] = entry.load()
        except Exception as error:  # noqa: BLE001  another package's fault must not keep the daemon down
            logger.warning("engine {} is left out, it cannot be imported: {}", entry.name, error)
    return {name: found[name] for name in sorted(found, key=_rank)}


def _rank(name: str) -> tuple[int, str]:
    return (PREFERENCE.index(name) if name in PREFERENCE else len(PREFERENCE), name)


def chosen(spec: RenderSpec, engines: Mapping[str, Description]) -> Description:
    """The engine for a spec: the one it names, or the first that can do it. Raises what the engine says, or Unsupported.

    Unsupported names what is possible.
    """
    if spec.engine == "auto":
        obstacles = {engine.name: _obstacle(spec, engine) for engine in engines.values()}
        for name, found in obstacles.items():
            if found is None:
                return engines[name]
        raise Unsupported("; ".join(map(str, obstacles.values())) or "no engine is installed")
    engine = engines.get(spec.engine)
    if engine is None:
        raise Unsupported(f"engine: {spec.engine} is not installed; there are {_listed(engines)}")
    found = _obstacle(spec, engine)
    if found is not None:
        raise found
    return engine


def _obstacle(spec: RenderSpec, engine: Description) -> PunchinError | None:
    cannot = _beyond(spec, engine)
    return engine.obstacle(spec) if cannot is None else Unsupported(cannot)


def _beyond(spec: RenderSpec, engine: Description) -> str | None:
    """What an engine can never do of a spec."""
    if spec.verb not in engine.verbs:
        return f"engine {engine.name} cannot {spec.verb}; it can {_listed(sorted(engine.verbs))}"
    if not engine.plays_notes and (spec.stems or (spec.midi and spec.verb != "extract")):
        key = "stems" if spec.stems else "midi"
        return f"{key}: engine {engine.name} plays no notes of its own; extract takes what it made apart, with midi too"
    if spec.verb == "extract":
        possible = (*engine.stems, *engine.further_stems, RESIDUAL, ALL)
        impossible = [track for track in spec.tracks or () if track not in possible]
        if impossible:
            return f"tracks: engine {engine.name} cannot extract {_listed(impossible)}; it can {_listed(possible)}"
    if spec.verb in {"lego", "complete"} and engine.tracks is not None:
        asked = (spec.track,) if spec.verb == "lego" else spec.tracks or ()
        unplayable = [track for track in asked if track not in engine.tracks]
        if unplayable:
            key = "track" if spec.verb == "lego" else "tracks"
            return (
                f"{key}: engine {engine.name} cannot play {_listed(unplayable)}; it can play {_listed(engine.tracks)}"
            )
    return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
