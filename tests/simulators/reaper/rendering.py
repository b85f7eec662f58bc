"""What the action "render project, using the most recent settings" does: a real mixdown to a real file."""

import base64
from pathlib import Path

import numpy as np
import soundfile

from reaper.accessor import Accessor
from reaper.api import Fault

MASTER_MIX, SELECTED_TRACKS = 0, 2
FLOAT_WAV = b"evaw\x20"


def render(project):
    values, texts = project.values, project.texts
    for name in ("RENDER_BOUNDSFLAG", "RENDER_TAILFLAG", "RENDER_ADDTOPROJ", "RENDER_NORMALIZE", "RENDER_DITHER"):
        if values[name]:
            raise Fault(f"rig: {name} {values[name]} is not modelled: the render would not be what was asked for")
    if not base64.b64decode(texts["RENDER_FORMAT"]).startswith(FLOAT_WAV) or values["RENDER_CHANNELS"] != 2:
        raise Fault("rig: only stereo WAV of 32-bit floats is modelled")
    if "$" in texts["RENDER_PATTERN"]:
        raise Fault("rig: wildcards are not modelled")
    target = Path(texts["RENDER_FILE"]) / f"{texts['RENDER_PATTERN']}.wav"
    if target.exists():
        raise Fault(f"{target} exists: REAPER asks the user, and everything stands still")
    tracks = project.content.tracks
    if values["RENDER_SETTINGS"] == SELECTED_TRACKS:
        tracks = [track for track in tracks if track.values["I_SELECTED"]]
        if len(tracks) != 1:
            raise Fault(f"{len(tracks)} tracks for one file")
    elif values["RENDER_SETTINGS"] != MASTER_MIX:
        raise Fault(f"rig: RENDER_SETTINGS {values['RENDER_SETTINGS']} is not modelled")
    rate = round(values["RENDER_SRATE"])
    start, end = values["RENDER_STARTPOS"], values["RENDER_ENDPOS"]
    mix = np.zeros((round((end - start) * rate), 2))
    for track in tracks:
        heard = Accessor(track).read(rate, 2, start, len(mix))
        if heard is not None and not track.values["B_MUTE"]:
            mix += heard * track.effect * track.values["D_VOL"]
    soundfile.write(target, mix, rate, subtype="FLOAT")
