"""`import Live` of one version: the classes of this simulation less what that version does not have."""

import types

from live import application, base, clip, midimap, midinotes, slot, song, track
from live.lom import LomObject, Vector
from live.versions import has

VALUES = (str, int, float, bool)
MODULES = {
    "Application": (application.Application, application.MessageButtons, application.PushDialogType),
    "Base": (
        base.FloatVector, base.IntVector, base.IntU64Vector, base.LimitationError, base.ObjectVector, base.StringVector,
        base.Timer, Vector,
    ),
    "Clip": (
        clip.Clip, clip.LaunchMode, clip.WarpMarker, clip.WarpMarkerVector, clip.WarpMode, midinotes.MidiNote,
        midinotes.MidiNoteSpecification, midinotes.MidiNoteVector,
    ),
    "ClipSlot": (slot.ClipSlot, slot.ClipSlotPlayingState),
    "Groove": (clip.Groove,),
    "LomObject": (LomObject,),
    "MidiMap": (midimap.MapMode,),
    "Scene": (slot.Scene,),
    "Song": (song.CuePoint, song.SessionRecordStatus, song.Song),
    "TakeLane": (track.TakeLane,),
    "Track": (track.Track,),
}  # fmt: skip


def of_version(cls, path, version):
    """The class as a version has it; `path` is its place, such as `Song.Song`."""
    names = dict(vars(cls))
    for name in list(names):
        if name.startswith("_") or has(f"{path}.{name}", version):
            continue
        for gone in (name, f"add_{name}_listener", f"remove_{name}_listener", f"{name}_has_listener"):
            names.pop(gone, None)
    for name, value in list(names.items()):
        if isinstance(value, type) and issubclass(value, LomObject):
            names[name] = of_version(value, f"{path}.{name}", version)
    for gone in ("__dict__", "__weakref__"):
        names.pop(gone, None)
    return type(cls.__name__, cls.__bases__, names)


def _own(live, cls, path):
    """The class that this Live has for one of the simulation."""
    if cls is base.Timer:
        return type("Timer", (cls,), {"_sim": live})
    if issubclass(cls, LomObject) and cls is not LomObject:
        return of_version(cls, path, live.version)
    return cls


def built(live):
    """The modules by full name, and the classes by their place."""
    modules, classes = {"Live": types.ModuleType("Live")}, {}
    modules["Live"].__path__ = []
    for name, members in MODULES.items():
        if not has(name, live.version):
            continue
        module = modules[f"Live.{name}"] = types.ModuleType(f"Live.{name}")
        setattr(modules["Live"], name, module)
        for member in members:
            path = f"{name}.{member.__name__}"
            cls = _own(live, member, path)
            setattr(module, cls.__name__, cls)
            classes[path] = cls
            if "View" in vars(cls):
                classes[f"{path}.View"] = cls.View
    functions = midimap.Functions(live)
    for name in ("forward_midi_cc", "forward_midi_note", "forward_midi_pitchbend"):
        setattr(modules["Live.MidiMap"], name, getattr(functions, name))
    modules["Live.Application"].get_application = lambda: live.application
    modules["Live.Song"].get_all_scales_ordered = song.get_all_scales_ordered
    modules["Live.Base"].log = live.log.append
    return modules, classes, functions
