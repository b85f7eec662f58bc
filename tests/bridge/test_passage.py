"""What an audition plays, as arrays: which frames, of which file, at which level."""

import numpy as np
import pytest
import soundfile

from bridge.audition import choice
from bridge.audition.orders import ORDER, Output, Play
from bridge.audition.passage import Bars, passage
from bridge.audition.tape import Tape
from bridge.protocol.messages import Audition
from engine.errors import BadSource, InvalidSpec, NotFound
from engine.jobs import ClipFile, Job, JobState, Origin
from engine.spec import RenderSpec

RATE = 8000


def written(path, samples, rate=RATE):
    soundfile.write(path, samples.T, rate, subtype="FLOAT")
    return path


def noise(seconds, seed, channels=2, level=0.1):
    return np.random.default_rng(seed).normal(0, level, (channels, round(seconds * RATE))).astype(np.float32)


@pytest.fixture
def source(tmp_path):
    samples = noise(20.0, 1)
    return written(tmp_path / "source.wav", samples), samples


def job(tmp_path, values, *clips):
    """A rendered job; each clip is (take, track, start, samples, lufs)."""
    files = []
    for number, (take, track, start, samples, lufs) in enumerate(clips):
        path = written(tmp_path / f"clip{number}.wav", samples)
        files.append(
            ClipFile(path, path, take, track, start, samples.shape[1], RATE, 2, take, -1.0, lufs, -1.0, False, 0.1)
        )  # fmt: skip
    spec = RenderSpec.parse(values)
    return Job("j", Origin("c", "r"), spec, "draft", JobState.RENDERED, clips=tuple(files))


def played(rendered, **keys):
    request = Audition(request_id="a", **keys)
    order = choice.order(1, rendered, request, Output())
    return passage(ORDER.validate_json(order.line()))


def repaint(tmp_path, source, start=8.0, end=12.0, **more):
    new = noise(end - start + 2 * more.get("handles", 0), 2)
    values = {"verb": "repaint", "source": str(source), "start": start, "end": end, **more}
    return job(tmp_path, values, (1, "mix", start - more.get("handles", 0), new, -20.0)), new


def test_alone_a_take_is_what_its_file_holds(tmp_path, source):
    rendered, new = repaint(tmp_path, source[0])
    heard = played(rendered)
    assert np.array_equal(heard.samples, new)
    assert (heard.rate, heard.gain_db) == (RATE, 0.0)


def test_of_a_mix_and_its_parts_the_mix_is_heard_unless_a_part_is_named(tmp_path):
    mix, bass = noise(4.0, 2), noise(4.0, 3)
    values = {"verb": "generate", "prompt": "house", "length": 4.0, "stems": True}
    rendered = job(tmp_path, values, (1, "mix", 0.0, mix, -16.0), (1, "bass", 0.0, bass, -20.0))
    assert np.array_equal(played(rendered).samples, mix)
    assert np.array_equal(played(rendered, track="bass").samples, bass)


def test_alone_handles_are_left_out_and_the_source_is_not_needed(tmp_path, source):
    rendered, new = repaint(tmp_path, source[0], handles=0.5)
    source[0].unlink()
    half = RATE // 2
    assert np.array_equal(played(rendered).samples, new[:, half:-half])
    with pytest.raises(BadSource, match="no such file"):
        played(rendered, take=0)


def test_the_original_is_the_source_under_the_take(tmp_path, source):
    rendered, _ = repaint(tmp_path, source[0], handles=0.5, source_start=2.0)
    assert np.array_equal(played(rendered, take=0).samples, source[1][:, 10 * RATE : 14 * RATE])


def test_in_context_a_take_stands_at_its_frame_and_nothing_else_is_changed(tmp_path, source):
    rendered, new = repaint(tmp_path, source[0], start=8.00025)
    heard = played(rendered, mode="context", around=3.0).samples
    first = round(8.00025 * RATE)
    expected = source[1].copy()
    expected[:, first : first + new.shape[1]] = new
    assert np.array_equal(heard, expected[:, first - 3 * RATE : first + new.shape[1] + 3 * RATE])


def test_context_ends_where_there_is_nothing_to_hear(tmp_path, source):
    rendered, _ = repaint(tmp_path, source[0], start=1.0, end=19.0)
    assert played(rendered, mode="context", around=60.0).samples.shape == (2, 20 * RATE)


def test_a_continuation_is_heard_after_its_source(tmp_path, source):
    new = noise(4.0, 3)
    values = {"verb": "continue", "source": str(source[0]), "start": 18.0, "end": 24.0}
    heard = played(job(tmp_path, values, (1, "mix", 20.0, new, -20.0)), mode="context", around=2.0).samples
    assert np.array_equal(heard, np.concatenate([source[1][:, 18 * RATE :], new], axis=1))


def test_a_part_that_was_added_is_heard_with_the_source(tmp_path, source):
    new = noise(20.0, 4)
    values = {"verb": "lego", "source": str(source[0]), "track": "bass"}
    heard = played(job(tmp_path, values, (1, "bass", 0.0, new, -20.0)), mode="context").samples
    assert np.array_equal(heard, source[1] + new)


def test_several_selections_are_heard_one_after_the_other_alone_and_all_in_context(tmp_path, source):
    one, two = noise(1.0, 5), noise(2.0, 6)
    values = {"verb": "repaint", "source": str(source[0]), "ranges": "2-3,6-8"}
    rendered = job(tmp_path, values, (1, "mix", 2.0, one, -20.0), (1, "mix", 6.0, two, -20.0))
    assert np.array_equal(played(rendered).samples, np.concatenate([one, two], axis=1))
    expected = source[1].copy()
    expected[:, 2 * RATE : 3 * RATE], expected[:, 6 * RATE : 8 * RATE] = one, two
    assert np.array_equal(played(rendered, mode="context", around=1.0).samples, expected[:, RATE : 9 * RATE])


def test_a_loop_lasts_whole_bars_of_the_tempo(tmp_path, source):
    rendered, new = repaint(tmp_path, source[0], end=11.5, bpm=120)
    heard = played(rendered, loop=True).samples
    assert heard.shape == (2, 4 * RATE), "3.5 s are two bars of 2 s"
    assert np.array_equal(heard[:, : new.shape[1]], new)
    assert not heard[:, new.shape[1] :].any()
    exact, new = repaint(tmp_path, source[0], bpm=120)
    assert np.array_equal(played(exact, loop=True).samples, new)
    waltz, _ = repaint(tmp_path, source[0], bpm=120, meter="3/4")
    assert played(waltz, loop=True).samples.shape == (2, round(4.5 * RATE))
    free, new = repaint(tmp_path, source[0], end=11.5)
    assert np.array_equal(played(free, loop=True).samples, new), "no tempo is guessed"
    assert played(free, loop=True, bpm=80).samples.shape == (2, 6 * RATE), "the transport's own tempo"
    assert played(rendered, loop=True, bpm=80).samples.shape == (2, 6 * RATE)


def test_a_loop_in_context_has_two_bars_on_each_side(tmp_path, source):
    rendered, _ = repaint(tmp_path, source[0], end=11.0, bpm=120)
    heard = played(rendered, loop=True, mode="context").samples
    assert heard.shape == (2, 12 * RATE), "4 + 3 + 4 s are six bars of 2 s"
    assert np.array_equal(heard[:, : 4 * RATE], source[1][:, 4 * RATE : 8 * RATE])


def test_bars_follow_a_tempo_map():
    tempos = [[0, 120, 4, 4], [8, 60, 3, 4]]
    bars = Bars.of(RenderSpec.parse({"verb": "generate", "prompt": "x", "length": 9, "tempo_map": tempos}))
    assert bars.whole(0.0, 3.9) == pytest.approx(4.0)
    assert bars.whole(8.0, 3.1) == pytest.approx(6.0)
    assert bars.before(8.0, 1) == pytest.approx(1.5), "three quarters at the tempo before"
    assert bars.after(8.0, 1) == pytest.approx(3.0)


def test_matched_takes_are_brought_down_to_the_quietest_of_takes_and_original(tmp_path, source):
    loud, quiet = noise(4.0, 7, level=0.4), noise(4.0, 8, level=0.05)
    values = {"verb": "repaint", "source": str(source[0]), "start": 8.0, "end": 12.0}
    rendered = job(tmp_path, values, (1, "mix", 8.0, loud, -8.0), (2, "mix", 8.0, quiet, -26.0))
    assert played(rendered, take=1).gain_db == 0.0
    assert played(rendered, take=1, match=True).gain_db == -12.0, "no take is turned down further"
    assert played(rendered, take=2, match=True).gain_db == 0.0
    original = played(rendered, take=0, match=True)
    assert -12.0 < original.gain_db < -3.0
    assert np.array_equal(original.samples, source[1][:, 8 * RATE : 12 * RATE])


def test_what_cannot_be_heard_is_refused_in_words(tmp_path, source):
    made = job(tmp_path, {"verb": "generate", "prompt": "x", "length": 1}, (1, "mix", 0.0, noise(1.0, 9), -20.0))
    stems = {"verb": "extract", "source": str(source[0]), "tracks": "drums,bass"}
    split = job(tmp_path, stems, (1, "drums", 0.0, noise(20, 1), -20.0), (1, "bass", 0.0, noise(20, 2), -20.0))
    for rendered, keys, kind, words in (
        (made, {"take": 0}, InvalidSpec, "take: 0 is the original, and generate has none"),
        (made, {"take": 2}, NotFound, "take: job j has take 1 only, take 2 came"),
        (made, {"mode": "context"}, InvalidSpec, "generate has no surroundings"),
        (split, {"mode": "context", "match": True}, InvalidSpec, "match: goes with mode solo"),
        (split, {}, InvalidSpec, "track: job j has drums and bass; say which one"),
        (split, {"track": "flute"}, NotFound, "track: job j has drums and bass, 'flute' came"),
    ):
        with pytest.raises(kind, match=words):
            played(rendered, **keys)
    assert np.array_equal(played(split, track="bass").samples, noise(20, 2))


def test_an_order_survives_its_line(tmp_path, source):
    rendered, _ = repaint(tmp_path, source[0], tempo_map="[[0, 120, 4, 4]]", expert='{"sampler": "heun"}')
    order = choice.order(7, rendered, Audition(request_id="a", match=True), Output(device="x"))
    assert ORDER.validate_json(order.line()) == order
    assert isinstance(order, Play)


# The tape

LEAD = RATE // 10


def blocks(tape, *lengths):
    out = []
    for frames in lengths:
        block = np.full((frames, 2), np.nan, np.float32)
        tape.fill(block)
        out.append(block)
    return np.concatenate(out)


def begun(samples, *, loop):
    """A tape whose lead of silence is over."""
    tape = Tape(samples, RATE, loop=loop)
    assert not blocks(tape, *[LEAD // 4] * 4).any()
    return tape


def test_a_tape_gives_every_frame_once_then_silence():
    samples = noise(0.1, 1).T
    tape = begun(samples, loop=False)
    heard = blocks(tape, 300, 300)
    assert np.array_equal(heard, samples[:600])
    assert not tape.done
    rest = blocks(tape, 300)
    assert np.array_equal(rest[:200], samples[600:])
    assert not rest[200:].any()
    assert tape.done


@pytest.mark.parametrize(("frames", "silent"), [(64, LEAD), (333, 3 * 333), (1024, 3 * 1024), (4096, 3 * 4096)])
def test_it_begins_when_a_device_that_was_just_opened_is_heard(frames, silent):
    """JACK drops the first block of a client or two, of one channel or of both."""
    samples = noise(0.1, 1).T
    heard = blocks(Tape(samples, RATE, loop=True), *[frames] * (silent // frames + 3))
    assert not heard[:silent].any()
    assert np.array_equal(heard[silent:], np.tile(samples, (20, 1))[: len(heard) - silent])


def test_a_loop_has_no_gap():
    samples = noise(0.1, 1).T
    heard = blocks(begun(samples, loop=True), *[700] * 8)
    assert np.array_equal(heard, np.tile(samples, (7, 1)))


@pytest.mark.parametrize("block", [16, 40, 300])
def test_another_take_goes_on_at_the_same_frame_without_a_click(block):
    one, two = (np.full((800, 2), level, np.float32) for level in (0.5, -0.5))
    two[500:] = 0.25
    tape = begun(one, loop=True)
    before = blocks(tape, 100)
    tape.replace(two)
    after = blocks(tape, *[block] * (600 // block))
    assert np.array_equal(before, one[:100])
    steps = np.abs(np.diff(after[:200, 0]))
    assert steps.max() < 0.03, "5 ms from one to the other"
    assert np.array_equal(after[40:], two[140 : 100 + len(after)])


@pytest.mark.parametrize("block", [16, 40, 300])
def test_a_stop_fades(block):
    tape = begun(np.full((800, 2), 0.5, np.float32), loop=True)
    blocks(tape, 100)
    tape.stop()
    heard = blocks(tape, *[block] * 4)
    assert tape.done
    assert np.abs(np.diff(heard[:, 0])).max() < 0.02
    assert heard[39, 0] == 0
    assert not heard[40:].any()


def test_of_two_takes_asked_for_within_a_fade_the_last_is_heard():
    zero, one, two, three = (np.full((800, 2), level, np.float32) for level in (0.0, 0.1, 0.2, 0.3))
    tape = begun(zero, loop=True)
    tape.replace(one)
    blocks(tape, 16)
    tape.replace(two)
    tape.replace(three)
    heard = blocks(tape, *[16] * 10)
    assert np.abs(np.diff(heard[:, 0])).max() < 0.01
    assert np.array_equal(heard[-16:], three[:16])


def test_what_is_stopped_before_it_is_heard_stays_silent():
    tape = Tape(np.full((800, 2), 0.5, np.float32), RATE, loop=True)
    blocks(tape, *[100] * 7)
    tape.stop()
    assert not blocks(tape, 300).any()
    assert tape.done
