"""A controller, as a program that knows python-rtmidi alone: `python pad.py` opens the ports `pad:keys` and `lamp:lamps`.

A line of hex on stdin is sent, `burst N` sends N notes without a gap. What is heard is printed as hex.
"""

import sys

import rtmidi


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


keys = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name="pad")
keys.open_virtual_port("keys")
lamps = rtmidi.MidiIn(rtapi=rtmidi.API_UNIX_JACK, name="lamp")
lamps.open_virtual_port("lamps")
lamps.ignore_types(sysex=False)
lamps.set_callback(lambda event, _: say(bytes(event[0]).hex()))
say("ready")
for line in sys.stdin:
    word, *rest = line.split()
    if word == "burst":
        for number in range(int(rest[0])):
            keys.send_message([0x90, 40 + number % 50, 1 + number // 50])
    else:
        keys.send_message(bytes.fromhex(word))
keys.close_port()
lamps.close_port()
del keys, lamps
