"""A project as REAPER saves it, so that readers written by others can say what is in it."""

import base64

from bridge.demo.project import quoted

KINDS = {"WAVE": "WAVE", "FLAC": "FLAC", "VORBIS": "VORBIS", "MIDI": "MIDI"}


def saved(project):
    """The text of the .rpp, with CRLF."""
    lines = ['<REAPER_PROJECT 0.1 "7.79/linux-x86_64" 1700000000']
    selection = " ".join(map(_number, project.time_selection))
    lines += [f"  SELECTION {selection}", f"  CURSOR {_number(project.cursor)}"]
    lines.append(f"  SAMPLERATE {int(project.values['PROJECT_SRATE'])} {int(project.values['PROJECT_SRATE_USE'])} 0")
    _, bpm, beats, value, _ = project.content.tempo[0]
    lines.append(f"  TEMPO {_number(bpm)} {beats} {value}")
    if len(project.content.tempo) > 1:
        points = (
            f"    PT {time:.12f} {tempo:.10f} {int(not glides)} {den << 16 | num}"
            for time, tempo, num, den, glides in project.content.tempo
        )
        lines += ["  <TEMPOENVEX", *points, "  >"]
    for is_region, start, end, name, number in project.content.markers:
        lines.append(f"  MARKER {number} {_number(start)} {quoted(name)} {int(is_region)}")
        if is_region:
            lines.append(f"  MARKER {number} {_number(end)} {quoted('')} 1")
    for track in project.content.tracks:
        lines += [f"  {line}" for line in _track(track)]
    if project.ext:
        lines.append("  <EXTENSIONS")
        for section in sorted({section for section, _ in project.ext}):
            lines.append(f"    <{section.upper()}")
            lines += [
                f"      {key} {quoted(text)}" for (held, key), text in sorted(project.ext.items()) if held == section
            ]
            lines.append("    >")
        lines.append("  >")
    return "".join(f"{line}\r\n" for line in [*lines, ">"])


def _track(track):
    values = track.values
    yield f"<TRACK {track.guid}"
    yield f"  NAME {quoted(track.name)}"
    yield f"  PEAKCOL {int(values['I_CUSTOMCOLOR']) or 16576}"
    yield f"  VOLPAN {_number(values['D_VOL'])} {_number(values['D_PAN'])} -1 -1 1"
    yield f"  MUTESOLO {int(values['B_MUTE'])} {int(values['I_SOLO'])} 0"
    depth = int(values["I_FOLDERDEPTH"])
    yield f"  ISBUS {1 if depth == 1 else 2 if depth < 0 else 0} {depth}"
    yield f"  FREEMODE {int(values['I_FREEMODE'])}"
    if values["I_FREEMODE"] == 2:
        yield f"  FIXEDLANES {int(values['I_NUMFIXEDLANES'])} 0 0 0 0"
        playing = [lane for lane in range(int(values["I_NUMFIXEDLANES"])) if values.get(f"C_LANEPLAYS:{lane}")]
        yield f"  LANESOLO {sum(1 << lane for lane in playing)} 0 0 0 0 0 0 0"
    yield f"  SEL {int(values['I_SELECTED'])}"
    yield f"  NCHAN {int(values['I_NCHAN'])}"
    yield f"  TRACKID {track.guid}"
    yield "  MAINSEND 1 0"
    yield from (f"  {line}" for line in _extras(track.texts))
    for item in sorted(track.items, key=lambda item: item.start):
        yield from (f"  {line}" for line in item_lines(item))
    yield ">"


def item_lines(item):
    values = item.values
    yield "<ITEM"
    yield f"  POSITION {_number(item.start)}"
    yield f"  SNAPOFFS {_number(values['D_SNAPOFFSET'])}"
    yield f"  LENGTH {_number(item.length)}"
    yield f"  LOOP {int(values['B_LOOPSRC'])}"
    yield "  ALLTAKES 0"
    for name, key in (("FADEIN", "IN"), ("FADEOUT", "OUT")):
        automatic = max(values[f"D_FADE{key}LEN_AUTO"], 0.0)
        yield f"  {name} {int(values[f'C_FADE{key}SHAPE'])} {_number(values[f'D_FADE{key}LEN'])} {_number(automatic)} 1 0 0 0"
    yield f"  MUTE {int(values['B_MUTE'])} 0"
    if values["I_FIXEDLANE"]:
        yield f"  LANE {int(values['I_FIXEDLANE'])}"
    yield f"  SEL {int(values['B_UISEL'])}"
    yield f"  IGUID {item.guid}"
    if item.texts["P_NOTES"]:
        yield "  <NOTES"
        yield from (f"    |{line}" for line in item.texts["P_NOTES"].splitlines())
        yield "  >"
    yield from (f"  {line}" for line in _extras(item.texts))
    for number, take in enumerate(item.takes):
        if number:
            yield "  TAKE SEL" if take is item.take else "  TAKE"
        yield from (f"  {line}" for line in _take(take, item))
    yield ">"


def _take(take, item):
    values = take.values
    yield f"NAME {quoted(take.texts['P_NAME'])}"
    yield f"VOLPAN {_number(values['D_PAN'])} {_number(item.values['D_VOL'])} {_number(values['D_VOL'])} -1"
    yield f"SOFFS {_number(values['D_STARTOFFS'])}"
    yield f"PLAYRATE {_number(values['D_PLAYRATE'])} {int(values['B_PPITCH'])} {_number(values['D_PITCH'])} -1 0 0.0025"
    yield f"CHANMODE {int(values['I_CHANMODE'])}"
    if take.stretch_markers:
        yield "SM " + " + ".join(f"{_number(at)} {_number(place)}" for at, place in take.stretch_markers)
    yield f"GUID {take.guid}"
    yield from _extras(take.texts)
    if take.source:
        yield f"<SOURCE {KINDS[take.source.kind]}"
        if take.source.path:
            yield f"  FILE {quoted(take.source.path)}"
        if take.source.kind == "MIDI":
            yield "  HASDATA 1 960 QN"
            yield from (f"  {line}" for line in _midi(take.source.notes))
        yield ">"


def _midi(notes):
    """Each event with the ticks since the one before."""
    events = [(round(start), 0x90 | channel, pitch, velocity) for start, _, channel, pitch, velocity in notes]
    events += [(round(end), 0x80 | channel, pitch, 0) for _, end, channel, pitch, _ in notes]
    passed = 0
    for tick, status, pitch, velocity in sorted(events):
        yield f"E {tick - passed} {status:02x} {pitch:02x} {velocity:02x}"
        passed = tick


def _extras(texts):
    extras = {name[6:]: text for name, text in texts.items() if name.startswith("P_EXT:")}
    if extras:
        yield "<EXT"
        yield from (f"  {name} {base64.b64encode(text.encode()).decode()}" for name, text in sorted(extras.items()))
        yield ">"


def _number(value):
    return f"{value:.14f}".rstrip("0").rstrip(".")
