"""The daemon's side of an audition, with processes in the player's place that behave as a player must not."""

import asyncio
import sys

from bridge.audition.auditions import REPEATED_SECONDS, Auditions
from bridge.audition.desk import Desk
from bridge.audition.orders import Ended, Output, Part, Play, Refused, Started
from bridge.protocol import messages as m
from engine.jobs import ClipFile, Job, JobState, Origin
from engine.spec import RenderSpec

SPEC = RenderSpec.parse({"verb": "generate", "prompt": "x", "length": 1})
ANSWERS = """
import json, sys
for line in sys.stdin:
    order = json.loads(line)
    print("what no daemon understands", flush=True)
    if order["kind"] == "play":
        number = order["number"]
        told = {"device": "d", "latency": 0.1, "sample_rate": 8000, "seconds": 1, "gain_db": 0}
        print(json.dumps({"kind": "started", "number": number, **told}), flush=True)
    else:
        print(json.dumps({"kind": "ended", "number": number, "reason": "stopped"}), flush=True)
"""


def order(number, path="/clip.wav"):
    return Play(number=number, job="j", take=1, spec=SPEC, parts=(Part(path=path, start=0.0),))


def desk(program, **how):
    return Desk(Output(), command=(sys.executable, "-S", "-c", program), **how)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def run(scenario):
    asyncio.run(scenario())


def test_a_player_that_does_not_answer_is_given_up():
    async def scenario():
        silent = desk("import sys; sys.stdin.read()", patience=0.5)
        heard = []
        silent.play(order(1), heard.append)
        await until(lambda: silent.pid)
        await until(lambda: heard)
        assert isinstance(heard[0], Refused)
        assert "did not answer" in heard[0].message
        assert silent.pid is None
        await silent.close()

    run(scenario)


def test_a_player_that_ends_answers_for_what_was_asked_of_it_and_another_is_started():
    async def scenario():
        mortal = desk("import sys; sys.stdin.readline(); sys.exit(3)")
        for number in (1, 2):
            heard = []
            mortal.play(order(number), heard.append)
            await until(lambda heard=heard: heard)
            assert (heard[0].number, heard[0].code) == (number, "unsupported")
            assert "exit code 3" in heard[0].message
        await mortal.close()

    run(scenario)


def test_a_player_that_cannot_be_started_is_told():
    async def scenario():
        missing = Desk(Output(), command=("/nowhere/python",))
        heard = []
        missing.play(order(1), heard.append)
        await until(lambda: heard)
        assert "cannot be used" in heard[0].message
        await missing.close()

    run(scenario)


def test_a_player_with_nothing_to_do_is_ended_and_started_again():
    async def scenario():
        rested = desk(ANSWERS, idle=0.1)
        heard = []
        rested.play(order(1), heard.append)
        await until(lambda: heard)
        first = rested.pid
        await asyncio.sleep(0.3)
        assert rested.pid == first, "it plays"
        rested.stop()
        await until(lambda: len(heard) == 2)
        assert [type(answer) for answer in heard] == [Started, Ended]
        await until(lambda: rested.pid is None)
        rested.stop()
        rested.play(order(2), heard.append)
        await until(lambda: len(heard) == 3)
        assert rested.pid not in {None, first}
        await rested.close()

    run(scenario)


def test_a_player_that_says_more_than_it_was_asked_is_not_ended_while_it_plays():
    async def scenario():
        stray = 'print(json.dumps({"kind": "ended", "number": 99, "reason": "ended"}), flush=True)'
        wordy = desk(f"{ANSWERS}        {stray}\n", idle=1.0)
        heard = []
        wordy.play(order(1), heard.append)
        await until(lambda: heard)
        wordy.stop()
        await until(lambda: len(heard) == 2)
        await asyncio.sleep(0.1)
        wordy.play(order(2), heard.append)
        await until(lambda: len(heard) == 3)
        await asyncio.sleep(1.5)
        assert wordy.pid is not None
        assert len(heard) == 3, "it plays"
        await wordy.close()

    run(scenario)


def test_the_same_request_again_is_answered_again_and_played_once(tmp_path):
    clip = ClipFile(tmp_path, tmp_path, 1, "mix", 0.0, 8, 8000, 1, 1, -1.0, -20.0, -1.0, False, 0.1)
    job = Job("j", Origin("c", "r"), SPEC, "draft", JobState.RENDERED, clips=(clip,))

    async def scenario():
        now = [0.0]
        player = desk(ANSWERS)
        auditions = Auditions(player, lambda: now[0])
        heard = []
        asked, request = ("client", "a-1"), m.Audition(request_id="a-1")
        for _ in range(3):
            auditions.play(asked, job, request, heard.append)
        await until(lambda: len(heard) == 2)
        auditions.play(asked, job, request, heard.append)
        assert [type(message) for message in heard] == [m.Accepted, m.Playing] * 2
        assert player.next_number() == 2, "one order was made"
        now[0] = REPEATED_SECONDS + 1
        auditions.play(asked, job, request, heard.append)
        await until(lambda: len(heard) == 6)
        assert player.next_number() == 4, "a surface that knows one id only has pressed again"
        await player.close()

    run(scenario)
