"""State chunks of items: the text of the project file, out and in."""

import base64

import rpp

from reaper.api import Fault
from reaper.model import Item, Source, Take
from reaper.saving import KINDS, item_lines


def chunk_of(item):
    """An item's text; what that does not tell in this rig cannot be copied by it."""
    if any(take.stretch_markers or take.envelopes or take.effects for take in item.takes):
        raise Fault("rig: stretch markers, envelopes and effects are not modelled in chunks")
    return "".join(f"{line}\n" for line in item_lines(item))


def item_of(text):
    """The item that a chunk describes; a line that the rig does not know is a fault."""
    item = Item()
    take, extras = None, item.texts
    for entry in rpp.loads(text).children:
        if isinstance(entry, rpp.Element):
            name, words = entry.tag, entry.attrib
        else:
            name, *words = entry
        if (take is None and name == "NAME") or name == "TAKE":
            take = Take()
            item.takes.append(take)
            extras = take.texts
            if words[:1] == ["SEL"]:
                item.values["I_CURTAKE"] = len(item.takes) - 1.0
        if name == "NOTES":
            item.texts["P_NOTES"] = "\n".join(line[1:] for line in entry.children)
        elif name == "EXT":
            extras.update({f"P_EXT:{key}": base64.b64decode(value).decode() for key, value in entry.children})
        elif name == "SOURCE":
            take.source = _source(entry)
        elif name in TAKE_LINES:
            TAKE_LINES[name](item, take, words)
        elif name in ITEM_LINES:
            ITEM_LINES[name](item, words)
        elif name not in {"ALLTAKES", "TAKE"}:
            raise Fault(f"rig: the line {name} of an item is not modelled")
    return item


def _source(entry):
    lines = {name: words for name, *words in entry.children}
    kind = next(kind for kind, name in KINDS.items() if name == entry.attrib[0])
    if kind == "MIDI":
        raise Fault("rig: MIDI is not modelled in chunks")
    return Source(lines["FILE"][0], kind)


def _fade(key):
    def read(item, words):
        shape, length, automatic = float(words[0]), float(words[1]), float(words[2])
        item.values.update({f"C_FADE{key}SHAPE": shape, f"D_FADE{key}LEN": length})
        item.values[f"D_FADE{key}LEN_AUTO"] = automatic or -1.0

    return read


def _value(name):
    return lambda item, words: item.values.update({name: float(words[0])})


def _guid(item, words):
    item.guid = words[0]


ITEM_LINES = {
    "POSITION": _value("D_POSITION"), "SNAPOFFS": _value("D_SNAPOFFSET"), "LENGTH": _value("D_LENGTH"),
    "LOOP": _value("B_LOOPSRC"), "FADEIN": _fade("IN"), "FADEOUT": _fade("OUT"), "MUTE": _value("B_MUTE"),
    "LANE": _value("I_FIXEDLANE"), "SEL": _value("B_UISEL"), "IGUID": _guid,
}  # fmt: skip


def _name(item, take, words):
    take.texts["P_NAME"] = words[0]


def _volume(item, take, words):
    take.values.update(D_PAN=float(words[0]), D_VOL=float(words[2]))
    item.values["D_VOL"] = float(words[1])


def _rate(item, take, words):
    take.values.update(D_PLAYRATE=float(words[0]), B_PPITCH=float(words[1]), D_PITCH=float(words[2]))


def _take_guid(item, take, words):
    take.guid = words[0]


TAKE_LINES = {
    "NAME": _name, "VOLPAN": _volume, "PLAYRATE": _rate, "GUID": _take_guid,
    "SOFFS": lambda item, take, words: take.values.update(D_STARTOFFS=float(words[0])),
    "CHANMODE": lambda item, take, words: take.values.update(I_CHANMODE=float(words[0])),
}  # fmt: skip
