"""What a project holds. Times are seconds of the project, values floats as REAPER gives them, handles the objects themselves."""

import uuid
from dataclasses import dataclass, field

AUTO_FADE_NONE = -1.0
ITEM = {
    "B_MUTE": 0.0, "B_LOOPSRC": 1.0, "B_UISEL": 0.0, "D_VOL": 1.0, "D_POSITION": 0.0, "D_LENGTH": 0.0,
    "D_FADEINLEN": 0.01, "D_FADEOUTLEN": 0.01, "D_FADEINLEN_AUTO": AUTO_FADE_NONE, "D_FADEOUTLEN_AUTO": AUTO_FADE_NONE,
    "C_FADEINSHAPE": 0.0, "C_FADEOUTSHAPE": 0.0, "I_CURTAKE": 0.0, "I_FIXEDLANE": 0.0, "I_CUSTOMCOLOR": 0.0,
    "D_SNAPOFFSET": 0.0, "I_GROUPID": 0.0, "C_LOCK": 0.0,
}  # fmt: skip
"""A new item has the default fades and loops its source, as REAPER's preferences are when nobody has touched them."""
TAKE = {
    "D_STARTOFFS": 0.0, "D_PLAYRATE": 1.0, "D_PITCH": 0.0, "D_VOL": 1.0, "D_PAN": 0.0, "B_PPITCH": 1.0,
    "I_CHANMODE": 0.0, "I_CUSTOMCOLOR": 0.0,
}  # fmt: skip
TRACK = {
    "B_MUTE": 0.0, "I_SOLO": 0.0, "D_VOL": 1.0, "D_PAN": 0.0, "I_NCHAN": 2.0, "I_SELECTED": 0.0, "I_FOLDERDEPTH": 0.0,
    "I_CUSTOMCOLOR": 0.0, "I_FREEMODE": 0.0, "I_NUMFIXEDLANES": 1.0, "C_ALLLANESPLAY": 0.0, "C_LANEPLAYS:0": 1.0,
}  # fmt: skip

RENDER = {
    "RENDER_SETTINGS": 3.0, "RENDER_BOUNDSFLAG": 1.0, "RENDER_STARTPOS": 1.5, "RENDER_ENDPOS": 9.25, "RENDER_SRATE": 32000.0,
    "RENDER_CHANNELS": 1.0, "RENDER_TAILFLAG": 3.0, "RENDER_ADDTOPROJ": 1.0, "RENDER_NORMALIZE": 1.0, "RENDER_DITHER": 3.0,
}  # fmt: skip
RENDER_TEXTS = {
    "RENDER_FILE": "Bounces", "RENDER_PATTERN": "$project-$date", "RENDER_FORMAT": "bDNwbQ==", "RENDER_FORMAT2": "ZXZhdw==",
}  # fmt: skip
"""Settings of a user's last render, each of which would spoil one that trusts them."""


def new_guid():
    return "{" + str(uuid.uuid4()).upper() + "}"


class Pointer:
    """A handle that scripts can hold and pass, and not look into."""


class Array(Pointer):
    """A `reaper.array` of doubles; what a read does not fill keeps what it held."""

    def __init__(self, size):
        self.values = [0.0] * size


@dataclass(eq=False)
class Source(Pointer):
    """A media file; MIDI that lives in the project has no path."""

    path: str
    kind: str = "WAVE"
    parent: "Source | None" = None
    notes: list[tuple[float, float, int, int, int]] = field(default_factory=list)
    """MIDI in the project: start and end in ticks from the item's start, channel, pitch, velocity."""


@dataclass(eq=False)
class Take(Pointer):
    source: Source | None = None
    guid: str = field(default_factory=new_guid)
    values: dict = field(default_factory=lambda: dict(TAKE))
    texts: dict = field(default_factory=lambda: {"P_NAME": ""})
    stretch_markers: list[tuple[float, float]] = field(default_factory=list)
    """Seconds from the item's start, and of the file; between two of them the file is stretched."""
    envelopes: int = 0
    effects: int = 0


@dataclass(eq=False)
class Item(Pointer):
    guid: str = field(default_factory=new_guid)
    values: dict = field(default_factory=lambda: dict(ITEM))
    texts: dict = field(default_factory=lambda: {"P_NOTES": ""})
    takes: list[Take] = field(default_factory=list)

    @property
    def start(self):
        return self.values["D_POSITION"]

    @property
    def length(self):
        return self.values["D_LENGTH"]

    @property
    def end(self):
        return self.start + self.length

    @property
    def take(self):
        """The take that plays."""
        return self.takes[int(self.values["I_CURTAKE"])] if self.takes else None

    def frames(self, rate):
        """First frame and frame count at a rate; raises AssertionError where the item does not lie on frames."""
        first, count = self.start * rate, self.length * rate
        assert abs(first - round(first)) < 1e-4, f"item begins at frame {first}"
        assert abs(count - round(count)) < 1e-4, f"item has {count} frames"
        return round(first), round(count)


@dataclass(eq=False)
class Track(Pointer):
    guid: str = field(default_factory=new_guid)
    values: dict = field(default_factory=lambda: dict(TRACK))
    texts: dict = field(default_factory=lambda: {"P_NAME": ""})
    items: list[Item] = field(default_factory=list)
    effect: float = 1.0
    """What its effects make of the sound: a gain."""

    @property
    def name(self):
        return self.texts["P_NAME"]


@dataclass(eq=False)
class Content:
    """What undo restores."""

    tracks: list[Track] = field(default_factory=list)
    tempo: list[tuple[float, float, int, int, bool]] = field(default_factory=lambda: [(0.0, 120.0, 4, 4, False)])
    """Seconds, BPM, beats a bar, value of a beat, whether it glides to the next; each holds until the next."""
    markers: list[tuple[bool, float, float, str, int]] = field(default_factory=list)
    """Is a region, start, end, name, number."""


@dataclass(eq=False)
class Project(Pointer):
    path: str
    """Of the project file; empty while it was never saved."""
    media: str
    """The folder that recordings go to."""
    content: Content = field(default_factory=Content)
    time_selection: tuple[float, float] = (0.0, 0.0)
    cursor: float = 0.0
    play_state: int = 0
    """1 plays, 2 is paused, 4 records."""
    values: dict = field(default_factory=lambda: {"PROJECT_SRATE": 44100.0, "PROJECT_SRATE_USE": 1.0} | RENDER)
    texts: dict = field(default_factory=lambda: dict(RENDER_TEXTS))
    ext: dict = field(default_factory=dict)
    undo: list[tuple[str, Content]] = field(default_factory=list)
    block: Content | None = None
    """The content before the undo block that is open."""

    def items(self):
        return [item for track in self.content.tracks for item in track.items]

    def track_of(self, item):
        return next((track for track in self.content.tracks if item in track.items), None)

    def item_of(self, take):
        return next((item for item in self.items() if take in item.takes), None)

    def holds(self, pointer):
        """Whether a handle still names something of this project."""
        if isinstance(pointer, Track):
            return pointer in self.content.tracks
        if isinstance(pointer, Item):
            return self.track_of(pointer) is not None
        return self.item_of(pointer) is not None if isinstance(pointer, Take) else True

    # What a user does by hand in a test

    def add_track(self, name, **values):
        track = Track(texts={"P_NAME": name})
        track.values.update(values)
        self.content.tracks.append(track)
        return track

    def add_item(self, track, path, position, length, offset=0.0, **values):
        take = Take(Source(str(path)), texts={"P_NAME": str(path).replace("\\", "/").rpartition("/")[2]})
        take.values["D_STARTOFFS"] = float(offset)
        item = Item(takes=[take])
        item.values.update(D_POSITION=float(position), D_LENGTH=float(length), B_LOOPSRC=0.0, **values)
        track.items.append(item)
        return item

    def set_tempo(self, *changes):
        """Each: seconds, BPM, beats a bar, value of a beat and, where it glides, True."""
        self.content.tempo = [(*change, False)[:5] for change in changes]

    def select(self, *items):
        for item in self.items():
            item.values["B_UISEL"] = float(item in items)

    def select_tracks(self, *tracks):
        for track in self.content.tracks:
            track.values["I_SELECTED"] = float(track in tracks)
