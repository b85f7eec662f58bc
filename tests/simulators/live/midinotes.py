"""Notes of MIDI clips as `Live.Clip` has them: what a script asks for, and what it reads."""

from live.lom import ArgumentError, Vector, converted


class MidiNoteSpecification:
    """A note to be made; places and lengths in beats."""

    def __init__(
        self, pitch, start_time, duration, velocity=100.0, mute=False, probability=1.0, velocity_deviation=0.0,
        release_velocity=64.0,
    ):  # fmt: skip
        kinds = (int, float, float, float, bool, float, float, float)
        given = (pitch, start_time, duration, velocity, mute, probability, velocity_deviation, release_velocity)
        self._sim_values = tuple(converted(kind, value, "MidiNoteSpecification") for kind, value in zip(kinds, given))


def specified(note):
    """(pitch, start, duration, velocity, mute) of a specification that Live would take."""
    if not isinstance(note, MidiNoteSpecification):
        raise ArgumentError("add_new_notes takes MidiNoteSpecification")
    pitch, start, duration, velocity, mute = note._sim_values[:5]
    if not 0 <= pitch <= 127 or duration <= 0.0 or not 0.0 <= velocity <= 127.0:
        raise RuntimeError("Invalid note")
    return pitch, start, duration, velocity, mute


class MidiNote:
    """A note that is there. Live lets its copy be changed, which nothing here needs."""

    @classmethod
    def _sim_of(cls, values):
        note = cls()
        note._sim_values = values
        return note

    @property
    def note_id(self):
        return self._sim_values[0]

    @property
    def pitch(self):
        return self._sim_values[1]

    @property
    def start_time(self):
        return self._sim_values[2]

    @property
    def duration(self):
        return self._sim_values[3]

    @property
    def velocity(self):
        return self._sim_values[4]

    @property
    def mute(self):
        return self._sim_values[5]


class MidiNoteVector(Vector):
    pass
