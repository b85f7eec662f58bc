"""Which checkpoint a job is rendered with. No torch: the daemon asks before it accepts the job."""

from pathlib import Path

from engine.backends.acestep import shelf
from engine.backends.acestep.guard import read_json
from engine.backends.acestep.layout import locate
from engine.backends.acestep.traits import Traits
from engine.errors import NoModel, Unsupported
from engine.spec import RenderSpec, Verb

_FOR_STEMS = "acestep-v15-base"
_FOR_MUSIC = "acestep-v15-turbo"


def checkpoint(spec: RenderSpec) -> Path:
    """The folder of the checkpoint that `model` names, by path or by name, or of the first here that can do the verb.

    Raises NoModel where there is none, Unsupported where it was not trained for the verb; both say what can.
    """
    if spec.model:
        named = Path(spec.model).expanduser()
        folder = named if named.is_absolute() else shelf.folder_of(spec.model)
        _require(traits(folder), spec.verb)
        return folder
    there = {folder: traits(folder) for folder in shelf.complete()}
    able = [folder for folder, of in there.items() if spec.verb in of.verbs]
    if not there:
        raise NoModel(f"no ACE-Step checkpoint is here: punchin models pull {_suggested(spec.verb)}")
    if not able:
        raise Unsupported(
            f"none of the checkpoints here ({', '.join(of.name for of in there.values())}) was trained to {spec.verb}: "
            f"punchin models pull {_suggested(spec.verb)}"
        )
    # Turbo is as good for music and six times as fast; the 2B ones fit more machines than the XL ones.
    return min(able, key=lambda folder: (not there[folder].turbo, there[folder].xl, folder.name))


def traits(folder: Path) -> Traits:
    """Of a checkpoint on disk, by its settings alone."""
    layout = locate(folder)
    settings = layout.dit if layout.kind == "original" else layout.dit / "transformer"
    return Traits.of(layout.dit.name, read_json(settings / "config.json"))


def _require(of: Traits, verb: Verb) -> None:
    if verb not in of.verbs:
        raise Unsupported(
            f"model: {of.name} was not trained to {verb}; {_suggested(verb)} was (punchin models pull {_suggested(verb)})"
        )


def _suggested(verb: Verb) -> str:
    return _FOR_STEMS if verb in {Verb.EXTRACT, Verb.LEGO, Verb.COMPLETE} else _FOR_MUSIC
