"""The commands about adapters, which take no model code."""

import json
import subprocess
import sys

import pytest

from bridge import loras
from engine.errors import NoModel


def test_adapters_are_listed_and_found_without_model_code(tmp_path):
    folder = tmp_path / "loras"
    folder.mkdir()
    (folder / "dusty.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (folder / "trap.ckpt").write_bytes(b"\x80\x04.")
    program = (
        "import sys; from bridge import loras; from pathlib import Path; loras.listing(models=Path(sys.argv[1]), json=True);"
        "loras.path('dusty', models=Path(sys.argv[1])); print(sorted({'torch', 'numpy', 'safetensors'} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    listing, place, modules = told.partition("\n}\n")[0] + "}", *told.partition("\n}\n")[2].splitlines()
    assert json.loads(listing) == {
        "folder": str(folder),
        "loras": [
            {"name": "dusty", "state": "present", "size": 10},
            {"name": "trap", "state": "damaged", "size": 3},
        ],
    }
    assert place == str(folder / "dusty.safetensors")
    assert modules == "[]"


def test_what_is_not_there_is_told_with_what_is(tmp_path, capsys):
    assert loras.path(models=tmp_path) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'loras'}\n"
    assert loras.listing(models=tmp_path) == 0
    with pytest.raises(NoModel, match="there: none"):
        loras.path("dusty", models=tmp_path)
