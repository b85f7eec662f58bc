"""Ableton Link, with another member of the session in a process of its own."""

import asyncio
import subprocess
import sys

import pytest

from bridge.midi.link import LinkFollower, is_installed

OTHER = """
import asyncio, sys, aalink
async def main():
    link = aalink.Link(133.0)
    link.enabled = True
    print("ready", flush=True)
    end = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    while not end.done():
        # a session of others that has just ended may still be heard, and its tempo taken
        link.tempo = 133.0
        await asyncio.sleep(0.1)
asyncio.run(main())
"""


async def followed(turns):
    """What is told after every tenth of a second; the last two once there is a session."""
    follower = LinkFollower()
    told = [follower.transport()]
    while len(told) < turns and not told[-1].bpm:
        await asyncio.sleep(0.1)
        told.append(follower.transport())
    await asyncio.sleep(0.5)
    told.append(follower.transport())
    follower.close()
    return told


@pytest.mark.skipif(not is_installed(), reason="aalink is not installed (the extra `link`)")
def test_tempo_and_position_are_those_of_the_session():
    assert set(asyncio.run(followed(turns=5))) == {(None, None, False)}
    with subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"ready\n"
        *_, together, later = asyncio.run(followed(turns=200))
        other.stdin.close()
        other.wait(20)
    assert together.bpm is not None
    assert later.bpm == pytest.approx(133.0, abs=0.01)
    assert later.seconds is not None
