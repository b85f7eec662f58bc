"""Buttons and menu entries in REAPER's `reaper-menu.ini`, and keys in `reaper-kb.ini`: pure functions on their texts.

A section of `reaper-menu.ini` replaces what REAPER shows by itself, so only a toolbar that nobody uses is made anew; a menu gets
entries where the user has changed it already. Keys that REAPER has from the start stand in neither file.
"""

import re
from collections.abc import Mapping, Sequence

TOOLBARS = 16
TITLE = "punchin"
_MENU = "Main extensions"
_ALL_MODIFIERS = 1 + 4 + 8 + 16
"""Ctrl, Alt and Shift (Cmd, Option and Shift on macOS) with a key."""


def with_toolbar(text: str, buttons: Mapping[str, str]) -> tuple[str, int | None]:
    """Add a floating toolbar where one of the sixteen is free, and entries to a menu that the user has changed.

    `buttons`: labels by action id, as `_RS…`. Returns the text and the toolbar's number, or None where all are in use.
    """
    lines = _lines(text)
    free = next((slot for slot in range(1, TOOLBARS + 1) if f"[Floating toolbar {slot}]" not in lines), None)
    if free is not None:
        lines += [f"[Floating toolbar {free}]", f"title={TITLE}"]
        lines += [f"item_{number}={action} {label}" for number, (action, label) in enumerate(buttons.items())]
    if f"[{_MENU}]" in lines:
        start = lines.index(f"[{_MENU}]") + 1
        stop = next((at for at in range(start, len(lines)) if lines[at].startswith("[")), len(lines))
        while stop > start and not lines[stop - 1]:
            stop -= 1
        first = 1 + max((int(found[1]) for line in lines[start:stop] if (found := _ITEM.match(line))), default=-1)
        lines[stop:stop] = [
            f"item_{number}={action} {TITLE}: {label}" for number, (action, label) in enumerate(buttons.items(), first)
        ]
    return _joined(lines, text), free


def without(text: str, actions: Sequence[str]) -> str:
    """Take entries of these actions out wherever they stand now; a toolbar of ours that is empty then goes, too."""
    sections: list[list[str]] = [[]]
    for line in _lines(text):
        if line.startswith("["):
            sections.append([])
        sections[-1].append(line)
    kept = [_without(section, actions) for section in sections]
    return _joined([line for section in kept for line in section], text)


def toolbar_of(text: str, actions: Sequence[str]) -> str | None:
    """The name of the first toolbar that holds one of these actions, or None."""
    section = None
    for line in _lines(text):
        if line.startswith("["):
            section = line.strip("[]")
        found = _ITEM.match(line)
        if section and "toolbar" in section and found and found[2].split(" ")[0] in actions:
            return section
    return None


def with_keys(text: str, wanted: Mapping[str, str]) -> tuple[str, list[str]]:
    """Give letters with Ctrl, Alt and Shift to actions where nobody has given them to something else.

    `wanted`: letters by action id. Returns the text and the letters that were taken.
    """
    used = {int(found[1]) for found in re.finditer(rf"(?m)^KEY {_ALL_MODIFIERS} (\d+) \S+ 0\b", text)}
    free = {action: letter for action, letter in wanted.items() if ord(letter) not in used}
    end = "\r\n" if "\r\n" in text else "\n"
    added = "".join(f"KEY {_ALL_MODIFIERS} {ord(letter)} {action} 0{end}" for action, letter in free.items())
    return added + text, [letter for letter in wanted.values() if ord(letter) in used]


def without_keys(text: str, actions: Sequence[str]) -> str:
    """Take out all keys of these actions, also those that the user has given them."""
    return re.sub(rf"(?m)^KEY \d+ \d+ ({'|'.join(actions)}) \d+\b.*\r?\n", "", text)


_ITEM = re.compile(r"item_(\d+)=(.*)")
_NUMBERED = re.compile(r"(item|icon)_(\d+)=(.*)")


def _without(section: list[str], actions: Sequence[str]) -> list[str]:
    entries = {int(found[1]): found[2] for line in section if (found := _ITEM.match(line))}
    ours = {number for number, entry in entries.items() if entry.split(" ")[0] in actions}
    if not ours:
        return section
    if ours == entries.keys() and f"title={TITLE}" in section:
        return []
    places = {number: place for place, number in enumerate(sorted(entries.keys() - ours))}
    kept = []
    for line in section:
        found = _NUMBERED.match(line)
        if found and int(found[2]) in places:
            kept.append(f"{found[1]}_{places[int(found[2])]}={found[3]}")
        elif not found:
            kept.append(line)
    return kept


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def _joined(lines: list[str], like: str) -> str:
    end = "\r\n" if "\r\n" in like else "\n"
    return "".join(line + end for line in lines)
