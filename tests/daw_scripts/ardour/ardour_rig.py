"""A real Ardour on a virtual display, with a home and a session made for it, and a way to look into it.

Ardour runs without sound card on its dummy engine. A hook of the tests' own, `window.lua`, runs what the tests ask for inside
Ardour's interface and answers; punchin's scripts are not touched by it.
"""

import base64
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from xml.sax.saxutils import quoteattr

HERE = Path(__file__).parent
RATE = 48000
VERSION = "7"
# Vector instructions of some virtual machines corrupt the heap of Ardour 7.3 when it exports; 0 keeps to plain ones.
FPU_FLAGS = {"ARDOUR_FPU_FLAGS": "0"}
PATIENCE = 100
"""Seconds after which a test gives up; what takes long here takes so because the machine is busy."""
SCREEN = "1200x760"
_ENGINE = (
    'backend="None (Dummy)" driver="Normal Speed" device="Silence" input-device="" output-device="" sample-rate="48000" '
    'buffer-size="1024" n-periods="0" input-latency="0" output-latency="0" input-channels="0" output-channels="0" '
    'active="1" use-buffered-io="0" midi-option="" lm-input="" lm-output=""'
)

_PRESET = """<?xml version="1.0" encoding="UTF-8"?>
<ExportPreset id="11111111-2222-3333-4444-555555555555" name="float">
  <ExportFormat id="20b4ab09-6452-4cb3-bd66-b921cdbd2942"/>
  <ExportFilename>
    <Folder relative="true" path="/export"/>
    <Field name="label" enabled="false"/><Field name="session" enabled="false"/><Field name="revision" enabled="false"/>
    <Field name="time" enabled="false" value="T_None"/><Field name="date" enabled="false" value="D_None"/>
  </ExportFilename>
</ExportPreset>
"""


def until(condition, seconds=PATIENCE):
    """What the condition gives, once it gives something. Ardour's scripts turn ten times a second: nobody looks more often."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)
    return value


def installed():
    return all(shutil.which(program) for program in ("ardour", "ardour7-lua", "Xvfb", "xdotool", "import"))


def lua(text):
    """As a Lua string: every byte by its number, where it is more than a plain letter."""
    return '"' + re.sub(rb"[^ -!#-\[\]-~]", lambda found: b"\\%03d" % found[0][0], text.encode()).decode() + '"'


def make_home(home):
    """A home with which Ardour starts without asking anything; returns its folder of settings."""
    config = home / ".config" / f"ardour{VERSION}"
    config.mkdir(parents=True)
    (config / f".a{VERSION}").touch()
    (config / "config").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Ardour>\n<Config>'
        '<Option name="try-autostart-engine" value="1"/><Option name="hide-dummy-backend" value="0"/>'
        f"</Config>\n<Extra><AudioMIDISetup><EngineStates><State {_ENGINE}/></EngineStates></AudioMIDISetup></Extra>\n</Ardour>\n"
    )
    exports = config / "export"
    exports.mkdir()
    (exports / "float.preset").write_text(_PRESET)
    return config


def add_hook(config, name, source):
    """Register a hook for Ardour's timer, as its script manager would, beside those that are there."""
    path = config / "ui_scripts"
    text = path.read_text() if path.exists() else "<UIScripts>\n<ActionHooks></ActionHooks>\n</UIScripts>\n"
    wrapped = f"local params = ... local ardour = function() end {source}\nreturn factory(params)"
    state = f's = {{}} s["n"] = {lua(name)} s["s"] = {lua(source)} s["f"] = {lua(wrapped)} s["a"] = {{}}'
    code = base64.b64encode(state.encode()).decode()
    number = 900001 + text.count("<LuaCallback")
    every = "1" * 64
    node = f'<LuaCallback lua="Lua 5.3" id="{number}" name={quoteattr(name)} signals="{every}">{code}</LuaCallback>'
    path.write_text(text.replace("</ActionHooks>", node + "</ActionHooks>"))


def make_session(folder, home, tracks):
    """A session with empty audio tracks: (name, channels) each."""
    made = "".join(
        f's:new_audio_track({channels}, 2, nil, 1, "{name}", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)\n'
        for name, channels in tracks
    )
    script = home / "make.lua"
    script.write_text(
        'AudioEngine:set_backend("None (Dummy)", "", "")\n'
        f'local s = create_session("{folder}", "song", {RATE})\n{made}'
        's:save_state("", false, false, false, false, false)\nclose_session()\n'
    )
    subprocess.run(
        ["ardour7-lua", script],
        env=os.environ | FPU_FLAGS | {"HOME": str(home)},
        check=True,
        timeout=60,
        capture_output=True,
    )
    return folder / "song.ardour"


class Display:
    """A virtual screen."""

    def __init__(self):
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{SCREEN}x24", "-nolisten", "tcp"]
        self.process = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as told:
            self.name = f":{told.readline().strip()}"

    def run(self, *command):
        done = subprocess.run(
            command, env=os.environ | {"DISPLAY": self.name}, capture_output=True, text=True, check=False, timeout=30
        )
        return done.stdout.strip()

    def window(self, title):
        """The window whose title holds these words, or nothing."""
        return self.run("xdotool", "search", "--onlyvisible", "--name", title).split("\n")[0]

    def press(self, window, keys):
        self.run("xdotool", "windowfocus", window)
        self.run("xdotool", "key", keys)

    def shoot(self, path, window="root", crop=""):
        crop = ("-crop", crop, "+repage") if crop else ()
        self.run("import", "-window", window, *crop, "+dither", "-colors", "48", "-strip", str(path))

    def close(self):
        self.process.terminate()
        self.process.wait(10)


class Ardour:
    """One run of Ardour with a session; `ask` runs Lua in it."""

    def __init__(self, display, home, session):
        self.display, self.session = display, session
        self.window = home / "window"
        self.window.mkdir(exist_ok=True)
        for leftover in self.window.iterdir():
            leftover.unlink()
        self.log = (home / "ardour.log").open("a")
        environ = (
            os.environ | FPU_FLAGS | {"HOME": str(home), "DISPLAY": display.name, "PUNCHIN_WINDOW": str(self.window)}
        )
        environ["PUNCHIN_PORT"] = "0"  # of a daemon that Ardour starts
        environ.pop("XDG_CONFIG_HOME", None)
        self.process = subprocess.Popen(
            ["ardour", "-n", "-a", str(session)], env=environ, stdout=self.log, stderr=self.log, start_new_session=True
        )
        self.asked = 0
        self.ask("return 1")

    def begin(self, code):
        """Run Lua in Ardour's interface; `answer` waits for what it returns."""
        self.asked += 1
        ask = self.window / "ask.lua"
        ask.with_suffix(".new").write_text(f"{self.asked}\n{code}", "utf-8")
        ask.with_suffix(".new").rename(ask)

    def ask(self, code, seconds=PATIENCE):
        """The same, and what it returns, as text."""
        self.begin(code)
        return self.answer(seconds)

    def answer(self, seconds=PATIENCE):
        answer = self.window / f"answer-{self.asked}"

        def answered():
            assert self.process.poll() is None, "Ardour has ended"
            return answer.exists()

        until(answered, seconds)
        state, _, text = answer.read_text("utf-8").partition("\n")
        assert state == "true", text
        return text

    def quit(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
        self.log.close()
