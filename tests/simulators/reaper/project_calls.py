"""Calls on the project: selection, tempo, settings, undo, ext state."""

import copy

from scipy.optimize import brentq

from reaper.api import Fault, parameter


class ProjectCalls:
    def of(self, handle):
        """The project that a ReaProject argument means."""
        return handle if handle in self.projects else self.project

    def EnumProjects(self, index):
        if index == -1:
            return self.project, self.project.path
        found = self.projects[index] if 0 <= index < len(self.projects) else None
        return (found, found.path) if found else (None, "")

    def GetProjectPathEx(self, proj):
        return self.of(proj).media

    def GetSet_LoopTimeRange2(self, proj, setting, loop, start, end, seek):
        if setting or loop:
            raise Fault("rig: scripts read the time selection and leave it as it is")
        return self.of(proj).time_selection

    def GetCursorPositionEx(self, proj):
        return self.of(proj).cursor

    def GetPlayStateEx(self, proj):
        return self.of(proj).play_state

    def GetSetProjectInfo(self, proj, name, value, setting):
        parameter("project", name, setting=setting)
        values = self.of(proj).values
        if name not in values or (setting and not name.startswith("RENDER_")):
            raise Fault(f"rig: {name} is not modelled")
        if setting:
            values[name] = value
        return values[name]

    def GetSetProjectInfo_String(self, proj, name, text, setting):
        parameter("project_str", name, setting=setting)
        texts = self.of(proj).texts
        if name not in texts:
            raise Fault(f"rig: {name} is not modelled")
        if setting:
            texts[name] = text
        return True, texts[name]

    def GetAudioDeviceInfo(self, attribute):
        if attribute != "SRATE":
            raise Fault(f"rig: {attribute} is not modelled")
        return (self.device_rate is not None, str(self.device_rate or ""))

    # Tempo

    def TimeMap_GetTimeSigAtTime(self, proj, time):
        _, bpm, beats, value, _ = [
            change for change in self.of(proj).content.tempo if change[0] <= max(time, 0) + 1e-9
        ][-1]
        return beats, value, bpm

    def CountTempoTimeSigMarkers(self, proj):
        tempo = self.of(proj).content.tempo
        return len(tempo) if len(tempo) > 1 else 0

    def GetTempoTimeSigMarker(self, proj, index):
        tempo = self.of(proj).content.tempo
        if not 0 <= index < self.CountTempoTimeSigMarkers(proj):
            return False, 0.0, 0, 0.0, 0.0, 0, 0, False
        time, bpm, beats, value, glides = tempo[index]
        return True, time, -1, 0.0, bpm, beats, value, glides

    def TimeMap2_timeToQN(self, proj, time):
        quarters = 0.0
        tempo = self.of(proj).content.tempo
        forever = (float("inf"), tempo[-1][1])
        for (start, bpm, *_, glides), (end, next_bpm, *_) in zip(tempo, [*tempo[1:], forever], strict=True):
            passed = max(min(time, end) - start, 0.0)
            slope = (next_bpm - bpm) / (end - start) if glides else 0.0
            quarters += passed * (bpm + slope * passed / 2) / 60
        return quarters

    def TimeMap2_QNToTime(self, proj, quarters):
        return brentq(lambda time: self.TimeMap2_timeToQN(proj, time) - quarters, 0.0, 1e5, xtol=1e-12)

    def EnumProjectMarkers3(self, proj, index):
        markers = self.of(proj).content.markers
        if not 0 <= index < len(markers):
            return 0, False, 0.0, 0.0, "", 0, 0
        is_region, start, end, name, number = markers[index]
        return index + 1, is_region, start, end, name, number, 0

    # Undo

    def Undo_BeginBlock2(self, proj):
        project = self.of(proj)
        if project.block:
            raise Fault("an undo block is open already")
        project.block = copy.deepcopy(project.content)

    def Undo_EndBlock2(self, proj, name, flags):
        project = self.of(proj)
        if not project.block:
            raise Fault("no undo block is open")
        if flags != -1:
            raise Fault("rig: undo points hold everything (-1)")
        project.undo.append((name, project.block))
        project.block = None

    def Undo_CanUndo2(self, proj):
        project = self.of(proj)
        return project.undo[-1][0] if project.undo else None

    def Undo_DoUndo2(self, proj):
        project = self.of(proj)
        if not project.undo:
            return 0
        project.content = project.undo.pop()[1]
        return 1

    def edit(self, handle):
        """Called before every change: it must be inside an undo block, and the handle must still be there."""
        if not self.project.block:
            raise Fault("a change outside of an undo block")
        self.live(handle)

    def live(self, handle):
        if not self.project.holds(handle):
            raise Fault("a handle of something that is gone, or of another project")

    def ValidatePtr2(self, proj, pointer, kind):
        kinds = {"MediaTrack*": "Track", "MediaItem*": "Item", "MediaItem_Take*": "Take"}
        if kind not in kinds:
            raise Fault(f"rig: {kind} is not modelled")
        return type(pointer).__name__ == kinds[kind] and self.of(proj).holds(pointer)

    def PreventUIRefresh(self, count):
        self.ui_held += count
        if self.ui_held < 0:
            raise Fault("PreventUIRefresh was released more often than it was held")

    def UpdateTimeline(self):
        pass

    def UpdateItemLanes(self, proj):
        return True

    def UpdateArrange(self):
        pass

    def TrackList_AdjustWindows(self, minor):
        pass

    # Ext state: of the program, and of the project

    def SetExtState(self, section, key, value, persist):
        if persist and "\n" in value:
            raise Fault("a persistent ext state has no line breaks")
        if "\0" in value:
            raise Fault("an ext state ends at its first zero byte")
        self.ext[section, key] = value
        if persist:
            self.ext_kept[section, key] = value

    def GetExtState(self, section, key):
        return self.ext.get((section, key), "")

    def HasExtState(self, section, key):
        return (section, key) in self.ext

    def DeleteExtState(self, section, key, persist):
        self.ext.pop((section, key), None)
        if persist:
            self.ext_kept.pop((section, key), None)

    def SetProjExtState(self, proj, section, key, value):
        ext = self.of(proj).ext
        if "\n" in value:
            raise Fault("the project file keeps a line for each ext state")
        if value:
            ext[section, key] = value
        else:
            ext.pop((section, key), None)
        return 1

    def GetProjExtState(self, proj, section, key):
        value = self.of(proj).ext.get((section, key), "")
        return len(value), value
