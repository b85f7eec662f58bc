"""`Live.MidiMap`: which notes and controllers go to a script instead of the tracks."""

from live.lom import Optional, call


class MapMode(int):
    (
        absolute, relative_signed_bit, relative_binary_offset, relative_two_compliment, relative_signed_bit2, absolute_14_bit,
        relative_smooth_signed_bit, relative_smooth_binary_offset, relative_smooth_two_compliment,
        relative_smooth_signed_bit2,
    ) = range(10)  # fmt: skip


class Functions:
    """The functions of the module; `forwarded` holds (script's handle, kind, channel, number)."""

    def __init__(self, live):
        self._sim = live
        self._sim_open = None
        """The handle that is valid now: only within `build_midi_map`."""
        self._sim_forwarded = {}

    @call(int, int, int, int, Optional(bool, True), returns=bool, changes=False)
    def forward_midi_note(self, script_handle, midi_map_handle, midi_channel, note, should_consume_event):
        return self._sim_forward(script_handle, midi_map_handle, 0x90, midi_channel, note, should_consume_event)

    @call(int, int, int, int, Optional(bool, True), returns=bool, changes=False)
    def forward_midi_cc(self, script_handle, midi_map_handle, midi_channel, controller_number, should_consume_event):
        return self._sim_forward(
            script_handle, midi_map_handle, 0xB0, midi_channel, controller_number, should_consume_event
        )

    @call(int, int, int, returns=bool, changes=False)
    def forward_midi_pitchbend(self, script_handle, midi_map_handle, midi_channel):
        return self._sim_forward(script_handle, midi_map_handle, 0xE0, midi_channel, 0, True)

    def _sim_forward(self, script_handle, midi_map_handle, kind, channel, number, consumed):
        if midi_map_handle != self._sim_open:
            raise RuntimeError("The MIDI map can only be changed while it is built")
        if not 0 <= channel <= 15 or not 0 <= number <= 127:
            raise RuntimeError("Invalid channel or number")
        self._sim_forwarded[kind, channel, number] = (script_handle, consumed)
        return True
