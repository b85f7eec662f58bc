"""Calls on the program: dialogs, files, actions, processes, versions."""

import hashlib
import shlex
import subprocess
import time
from pathlib import Path

from reaper.api import FUNCTIONS, IMGUI, Fault, version_of
from reaper.model import Pointer, Project
from reaper.rendering import render

OK, YES, NO = 1, 6, 7
YES_NO = 4
BUILDS = {
    "Win64": "x64", "Win32": "win32", "OSX64": "OSX64", "macOS-arm64": "macOS-arm64", "Other": "linux-x86_64",
}  # fmt: skip
"""What stands behind the version, by system."""
NEW_PROJECT_TAB = 40859
RENDER_AND_CLOSE = 42230


class SystemCalls:
    def GetAppVersion(self):
        return f"{self.version}/{BUILDS[self.system]}"

    def GetOS(self):
        return self.system

    def GetResourcePath(self):
        return self.shown(self.resources)

    def shown(self, path):
        """A path as this system writes it."""
        return str(path).replace("/", "\\") if self.is_windows else str(path)

    def real(self, path):
        """A path that a script gives, as it is on this machine."""
        return path.replace("\\", "/") if self.is_windows else path

    @property
    def is_windows(self):
        return self.system.startswith("Win")

    def APIExists(self, name):
        if name in IMGUI:
            return self.has_imgui
        return name in FUNCTIONS and FUNCTIONS[name].since <= version_of(self.version)

    def time_precise(self):
        return time.perf_counter()

    def RecursiveCreateDirectory(self, path, ignored):
        Path(self.real(path)).mkdir(parents=True, exist_ok=True)
        return 1

    def file_exists(self, path):
        return Path(self.real(path)).is_file()

    def EnumerateFiles(self, folder, index):
        """Names as they were when -1 was asked for, or at the first call."""
        folder = self.real(folder)
        if index < 0 or folder not in self.listings:
            files = Path(folder).iterdir() if Path(folder).is_dir() else ()
            self.listings[folder] = sorted(path.name for path in files if path.is_file())
        names = self.listings[folder]
        return names[index] if 0 <= index < len(names) else None

    # What the user sees

    def ShowMessageBox(self, text, title, kind):
        """A question is answered by the next of `replies`; one that nobody answers is a fault."""
        if kind not in {0, YES_NO}:
            raise Fault(f"rig: message box of type {kind} is not modelled")
        self.messages.append(text)
        if kind == YES_NO and not self.replies:
            raise Fault(f"nobody answers the question {text!r}")
        return OK if kind == 0 else YES if self.replies.pop(0) else NO

    def ShowConsoleMsg(self, text):
        self.console.append(text)

    def GetUserInputs(self, title, count, captions, values):
        """Answers come from `answers`, each a dict of caption and value, or None for Cancel. No answer waits: a fault."""
        names = captions.split(",")
        separator = ","
        while names and "=" in names[-1]:
            option, _, value = names.pop().partition("=")
            if option not in {"extrawidth", "separator"}:
                raise Fault(f"{option} is no option of GetUserInputs")
            separator = value if option == "separator" else separator
        defaults = values.split(separator)
        if values.count('"') % 2 or any(values.count(a) != values.count(b) for a, b in ("()", "[]", "{}")):
            raise Fault(f"GetUserInputs: quotes or brackets without their other in {values!r}: fields run together")
        if not len(names) == len(defaults) == count <= 16:
            raise Fault(f"GetUserInputs: {count} fields, {len(names)} captions, {len(defaults)} values, at most 16")
        self.dialogs.append((title, dict(zip(names, defaults, strict=True))))
        if not self.answers:
            raise Fault(f"nobody answers the dialog {title!r}")
        answer = self.answers.pop(0)
        if answer is None:
            return False, values
        if unknown := set(answer) - set(names):
            raise Fault(f"{title!r} does not ask for {sorted(unknown)}, only for {names}")
        given = [answer.get(name, default) for name, default in zip(names, defaults, strict=True)]
        if any(separator in value for value in given):
            raise Fault("an answer holds the separator")
        return True, separator.join(given)

    # Actions and processes

    def AddRemoveReaScript(self, add, section, path, commit):
        if section != 0 or not add:
            raise Fault("rig: scripts are added to the main section")
        path = self.real(path)
        if not Path(path).is_file():
            return 0
        if path not in self.actions:
            self.actions.append(path)
        return self.first_action + self.actions.index(path)

    def NamedCommandLookup(self, name):
        """0 for a name that no action has."""
        return next((self.command_of(path) for path in self.actions if "_" + self.script_id(path) == name), 0)

    def ReverseNamedCommandLookup(self, command):
        return self.script_id(self.actions[command - self.first_action])

    def script_id(self, path):
        """REAPER names an action after its path below Scripts."""
        relative = Path(path).relative_to(self.resources / "Scripts").as_posix()
        return "RS" + hashlib.sha1(relative.upper().encode()).hexdigest()

    def start_up(self):
        """What REAPER does when it starts: read its list of actions, run the script of that name."""
        scripts = self.resources / "Scripts"
        for line in (self.resources / "reaper-kb.ini").read_text("utf-8").splitlines():
            if line.startswith("SCR "):
                *_, name, _, path = shlex.split(line)
                self.actions.append(str(scripts / path))
                if self.script_id(self.actions[-1]) != name:
                    raise Fault(f"{path} has another id than {name}")
        if (scripts / "__startup.lua").exists():
            self.start(scripts / "__startup.lua")

    def Main_OnCommand(self, command, flag):
        if command == NEW_PROJECT_TAB:
            self.project = Project("", self.project.media)
            self.projects.append(self.project)
            return
        if command == RENDER_AND_CLOSE:
            render(self.project)
            return
        number = command - self.first_action
        if not 0 <= number < len(self.actions):
            raise Fault(f"action {command} is not modelled")
        self.start(self.actions[number])

    def GetMainHwnd(self):
        return Pointer()

    def SectionFromUniqueID(self, section):
        if section != 0:
            raise Fault("rig: only the main section is modelled")
        return Pointer()

    def DoActionShortcutDialog(self, window, section, command, index):
        """The user presses a key."""
        self.hotkeys.append(self.actions[command - self.first_action])
        return True

    def CountActionShortcuts(self, section, command):
        return self.hotkeys.count(self.actions[command - self.first_action])

    def GetActionShortcutDesc(self, section, command, index):
        return True, f"Ctrl+{index + 1}"

    def ExecProcess(self, command, milliseconds):
        if milliseconds not in {-1, -2}:
            raise Fault("a process that is waited for stops REAPER")
        self.processes.append(subprocess.Popen(shlex.split(command)))
        return ""
