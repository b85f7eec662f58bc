"""Ardour's scripts, put together: Ardour knows neither `require` nor `dofile`, and keeps nothing of a script but its factory.

A script's shared parts become the first lines of its factory, each under its name, and only those that it asks for. Parts that
have nothing to do with a DAW are those of the scripts for REAPER.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from bridge.shipped import shipped

_ASKED = re.compile(r'require\("(punchin\.[\w.]+)"\)')
_FACTORY = "function factory()\n"
_REQUIRE = """\
  local modules, loaded = {}, {}
  local function require(name)
    if loaded[name] == nil then
      loaded[name] = modules[name]()
    end
    return loaded[name]
  end
"""


BACKGROUND = "punchin_background.lua"
"""The script that receives results; all others are actions."""


def actions() -> list[str]:
    """File names of the actions."""
    return sorted({path.name for path in _folder().glob("punchin_*.lua")} - {BACKGROUND})


def scripts(config: str) -> dict[str, str]:
    """Every script as Ardour takes it, by file name. `config`: the part `punchin.config`, as Lua."""
    texts = {name: (_folder() / name).read_text("utf-8") for name in [*actions(), BACKGROUND]}
    return {name: assembled(text, {"punchin.config": config}) for name, text in texts.items()}


def assembled(script: str, given: Mapping[str, str]) -> str:
    """One script with the parts that it asks for, and those that they ask for. `given`: parts that no file holds."""
    parts: dict[str, str] = {}
    wanted = _ASKED.findall(script)
    while wanted:
        name = wanted.pop()
        if name not in parts:
            parts[name] = given[name] if name in given else _part(name)
            wanted += _ASKED.findall(parts[name])
    modules = "".join(f'  modules["{name}"] = function()\n{parts[name]}\n  end\n' for name in sorted(parts))
    return script.replace(_FACTORY, _FACTORY + _REQUIRE + modules, 1)


def _part(name: str) -> str:
    file = Path(*name.split(".")).with_suffix(".lua")
    own = _folder() / file
    return (own if own.exists() else shipped("daw_scripts") / "reaper" / file).read_text("utf-8")


def _folder() -> Path:
    return shipped("daw_scripts") / "ardour"
