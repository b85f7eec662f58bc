"""The script against the published stubs of Live's Python API, and its messages against another implementation of OSC."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

SCRIPT = Path(__file__).parents[3] / "daw_scripts" / "ableton" / "Punchin"


def mypy(folder):
    program = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental", "-p", folder.name]
    return subprocess.run(program, cwd=folder.parent, capture_output=True, text=True, check=False)


def test_it_fits_the_stubs():
    told = mypy(SCRIPT)
    assert (told.returncode, told.stderr) == (0, ""), told.stdout


def test_what_live_lacks_is_seen(tmp_path):
    folder = tmp_path / "lies"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "import Live\ndef lie(clip: Live.Clip.Clip) -> None:\n    clip.sample_offset\n    clip.file_path = ''\n"
    )
    told = mypy(folder).stdout
    assert '"Clip" has no attribute "sample_offset"' in told
    assert 'Property "file_path" defined in "Clip" is read-only' in told


def test_messages_are_those_of_python_osc():
    spec = importlib.util.spec_from_file_location("punchin_osc_of_live", SCRIPT / "osc.py")
    osc = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(osc)
    values = ["grün", 7, 2**40, 0.1, True, False, b"123"]
    message = OscMessage(osc.encode("/punchin/x", values))
    assert (message.address, message.params) == ("/punchin/x", values)
    builder = OscMessageBuilder("/punchin/y")
    for value, kind in zip(values, "sihdTFb", strict=True):
        builder.add_arg(value, kind)
    assert osc.decode(builder.build().dgram) == ("/punchin/y", values)
