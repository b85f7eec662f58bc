"""What triggers do without a DAW, and what the daemon does of them itself."""

import pytest
from rig import Daemon, PlainClient, keys_of


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    state = tmp_path_factory.mktemp("triggers") / "state"
    state.mkdir()
    running = Daemon(state)
    yield running
    running.stop()


def answer(client, action, *parameters):
    """A surface with a fixed layout: the same id every time."""
    client.send("/punchin/trigger", "pad", "action", action, *parameters)
    return client.listen("/punchin/accepted", "/punchin/rejected")[-1]


def finished(client, job_id):
    """The clips of a job, confirmed."""
    clips = []
    while True:
        for message in client.listen("/punchin/clip", "/punchin/done", "/punchin/failed", "/punchin/cancelled"):
            if message.params[0] == job_id and message.address == "/punchin/clip":
                clips.append(keys_of(message))
            elif message.params[0] == job_id and message.address in {"/punchin/done", "/punchin/cancelled"}:
                client.send("/punchin/received", job_id)
                return clips


def test_without_a_daw_a_trigger_means_the_last_job_or_says_so(daemon, client):
    for action, words in {
        "more_takes": "no result yet",
        "audition_next": "no result yet",
        "cancel": "nothing is being rendered",
        "repaint": "no DAW is connected",
        "keep": "no DAW is connected",
    }.items():
        refused = answer(client, action)
        assert refused.params[:2] == ["pad", "not_found"]
        assert words in refused.params[2]
    wrong = answer(client, "generate", "prompt", "house", "length", -1.0)
    assert wrong.params[:2] == ["pad", "invalid"]
    made = answer(client, "generate", "prompt", "house", "length", 2.0, "engine", "draft", "seed", 7, "takes", 2)
    assert [clip["seed"] for clip in finished(client, made.params[1])] == [7, 8]
    more = answer(client, "more_takes", "takes", 3)
    assert more.params[1] != made.params[1]
    assert [clip["seed"] for clip in finished(client, more.params[1])] == [9, 10, 11]
    assert answer(client, "audition_next").params[1] != "not_found"


def connected_daw(daemon):
    daw = PlainClient(daemon.port)
    daw.send("/punchin/hello", "h", "client", "reaper-1", "daw", "reaper")
    daw.listen("/punchin/welcome")
    return daw


def test_more_takes_of_a_daws_job_wait_for_that_daw(daemon):
    daw = connected_daw(daemon)
    daw.send(
        "/punchin/generate", "g", "prompt", "dub", "length", 1.0, "engine", "draft", "seed", 1, "cookie", "track 3"
    )
    finished(daw, daw.listen("/punchin/accepted")[-1].params[1])
    pad = PlainClient(daemon.port)
    assert answer(pad, "more_takes").address == "/punchin/accepted"
    assert daw.listen("/punchin/run")[-1].params == ["pad", "more_takes"]
    daw.close()
    pad.close()
    # After a restart no DAW has said hello yet.
    daemon.stop()
    daemon.start()
    pad = PlainClient(daemon.port)
    more = answer(pad, "more_takes").params[1]
    pad.close()
    daw = connected_daw(daemon)
    (clip,) = finished(daw, more)
    assert (clip["seed"], clip["cookie"]) == (2, "track 3")
    daw.close()


def test_to_keep_names_the_take_that_was_heard_last(daemon, client):
    client.send("/punchin/generate", "k", "prompt", "house", "length", 1.0, "engine", "draft", "seed", 7, "takes", 2)
    made = client.listen("/punchin/accepted")[-1]
    finished(client, made.params[1])
    daw = connected_daw(daemon)
    for _ in range(2):
        answer(client, "audition_next")
    assert answer(client, "keep").address == "/punchin/accepted"
    assert daw.listen("/punchin/run")[-1].params == ["pad", "keep", "job", made.params[1], "take", 2]
    for take, kept in ((1, 1), (0, 1)):
        client.send("/punchin/audition", f"panel-{take}", "job", made.params[1], "take", take)
        answer(client, "keep")
        asked = daw.listen("/punchin/run")[-1].params
        assert asked == ["pad", "keep", "job", made.params[1], "take", kept], "asked for by a panel; 0 is the original"
    daw.close()


def test_panic_cancels_all(daemon, client):
    jobs = []
    for number in range(3):
        client.send(
            "/punchin/generate", f"p-{number}", "prompt", "house", "length", 600.0, "takes", 8, "engine", "draft"
        )
        jobs.append(client.listen("/punchin/accepted")[-1].params[1])
    client.send("/punchin/trigger", "panic", "action", "panic")
    ended = set()
    while ended != set(jobs):
        ended.add(client.listen("/punchin/cancelled")[-1].params[0])
    assert [message.address for message in client.heard].count("/punchin/done") <= 2
