"""Each verb on a tiny checkpoint: what is rendered, what stays, what is kept for the next take."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from engine.backends.acestep import tasks  # noqa: E402
from engine.backends.acestep.backend import AceStep  # noqa: E402
from engine.backends.base import MIX, Heard, Span, Stage  # noqa: E402
from engine.errors import Cancelled, Unsupported  # noqa: E402
from engine.spec import RenderSpec  # noqa: E402
from engine.units import Frames, SampleRate, Seconds, Seed  # noqa: E402

pytestmark = pytest.mark.neural
RATE = 48000
HOP = 1920


@pytest.fixture(scope="module")
def engine():
    return AceStep()


def music(seconds, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * 220 * time) + 0.02 * rng.standard_normal((2, len(time)))).astype(np.float32)


def window(samples, *spans, source=None):
    first, end = source or (0, samples.shape[1])
    spans = spans or ((0, samples.shape[1] / RATE),)
    return Heard(
        samples, SampleRate(RATE), Seconds(0.0), Span(Frames(first), Frames(end - first)),
        tuple(Span(Frames(round(a * RATE)), Frames(round((b - a) * RATE))) for a, b in spans),
    )  # fmt: skip


def spec(model, verb, **values):
    values = {"prompt": "slow blues", "source": "/source.wav"} | values
    if verb == "generate":
        values.pop("source")
    return RenderSpec.parse({"verb": verb, "model": str(model), "engine": "acestep", "steps": 2} | values)


def silent_report(fraction, stage):
    pass


def render(engine, of, heard, seed=1, report=silent_report):
    return engine.render(of, heard, Seed(seed), report)


def test_a_new_piece_has_the_length_that_was_asked_for(engine, checkpoints):
    heard = window(np.zeros((2, 12 * RATE + 7), np.float32), (0, 12), source=(0, 0))
    made = render(engine, spec(checkpoints["turbo"], "generate", length=12), heard)
    assert made.tracks[MIX].shape == (2, 12 * RATE + 7)
    assert np.abs(made.tracks[MIX]).max() > 1e-3


def test_a_short_piece_is_the_beginning_of_one_that_the_model_can_make(engine, checkpoints):
    short = render(
        engine,
        spec(checkpoints["turbo"], "generate", length=2),
        window(np.zeros((2, 2 * RATE), np.float32), source=(0, 0)),
    )
    long = render(
        engine,
        spec(checkpoints["turbo"], "generate", length=10),
        window(np.zeros((2, 10 * RATE), np.float32), source=(0, 0)),
    )
    assert np.array_equal(short.tracks[MIX], long.tracks[MIX][:, : 2 * RATE])


def test_a_loop_flows_from_its_end_into_its_start(engine, checkpoints):
    zeros = np.zeros((2, 11 * RATE), np.float32)
    of = {"length": 11, "prompt": "loop"}
    loop = render(engine, spec(checkpoints["turbo"], "generate", loop=True, **of), window(zeros, source=(0, 0)))
    samples = loop.tracks[MIX]
    step = np.abs(samples[:, 0] - samples[:, -1]).max()
    assert step <= np.percentile(np.abs(np.diff(samples)), 99.99)


def test_a_repaint_leaves_everything_but_its_zone_as_it_was(engine, checkpoints):
    heard = window(music(14), (6, 8.5))
    made = render(engine, spec(checkpoints["turbo"], "repaint", start=6, end=8.5), heard).tracks[MIX]
    first, end = 6 * RATE - 2 * HOP, round(8.5 * RATE) + 2 * HOP
    assert np.array_equal(made[:, :first], heard.samples[:, :first])
    assert np.array_equal(made[:, end:], heard.samples[:, end:])
    assert np.abs(made - heard.samples)[:, 6 * RATE : round(8.5 * RATE)].mean() > 0.01


def test_several_zones_are_rendered_in_one_pass(engine, checkpoints):
    heard = window(music(16), (3, 4), (9, 10))
    made = render(engine, spec(checkpoints["turbo"], "repaint", ranges="3-4,9-10"), heard).tracks[MIX]
    assert np.array_equal(made[:, 5 * RATE : 8 * RATE], heard.samples[:, 5 * RATE : 8 * RATE])
    for begin in (3, 9):
        part = slice(begin * RATE, (begin + 1) * RATE)
        assert np.abs(made - heard.samples)[:, part].mean() > 0.01


@pytest.mark.parametrize(("source", "span"), [((0, 6), (6, 12)), ((6, 12), (0, 6))])
def test_a_continuation_goes_either_way(engine, checkpoints, source, span):
    samples = np.zeros((2, 12 * RATE), np.float32)
    samples[:, source[0] * RATE : source[1] * RATE] = music(6)
    heard = window(samples, span, source=(source[0] * RATE, source[1] * RATE))
    made = render(engine, spec(checkpoints["turbo"], "continue", start=-6, end=12), heard).tracks[MIX]
    assert np.abs(made[:, span[0] * RATE : span[1] * RATE]).max() > 1e-3
    inside = slice((source[0] + 1) * RATE, (source[1] - 1) * RATE)
    assert np.array_equal(made[:, inside], samples[:, inside])


def test_a_source_shorter_than_the_model_knows_is_heard_as_a_loop(engine, checkpoints):
    heard = window(music(3), (1, 2))
    made = render(engine, spec(checkpoints["turbo"], "repaint", start=1, end=2), heard).tracks[MIX]
    assert made.shape == heard.samples.shape
    assert np.array_equal(made[:, : RATE // 2], heard.samples[:, : RATE // 2])


def test_a_selection_of_everything_becomes_a_new_piece_and_says_so(engine, checkpoints):
    made = render(engine, spec(checkpoints["turbo"], "repaint", start=0, end=11), window(music(11), (0, 11)))
    assert made.tracks[MIX].shape == (2, 11 * RATE)
    assert "whole source" in made.note


@pytest.mark.parametrize("strength", [0.2, 0.8, 1.0])
def test_a_cover_is_as_long_as_its_source_at_every_strength(engine, checkpoints, strength):
    made = render(engine, spec(checkpoints["turbo"], "cover", strength=strength, steps=4), window(music(11.3)))
    assert made.tracks[MIX].shape == (2, round(11.3 * RATE))


def test_the_strength_of_a_cover_changes_it(engine, checkpoints):
    heard = window(music(11))
    covers = [
        render(engine, spec(checkpoints["turbo"], "cover", strength=strength, steps=4), heard).tracks[MIX]
        for strength in (0.2, 0.8, 1.0)
    ]
    assert np.abs(covers[0] - covers[1]).max() > 1e-3
    assert np.abs(covers[1] - covers[2]).max() > 1e-3


def test_stems_come_one_pass_each_and_only_from_a_base_checkpoint(engine, checkpoints):
    heard = window(music(10.5))
    made = render(engine, spec(checkpoints["base"], "extract", tracks="drums,vocals,residual"), heard)
    assert list(made.tracks) == ["drums", "vocals"]
    assert all(track.shape == heard.samples.shape for track in made.tracks.values())
    assert not np.array_equal(made.tracks["drums"], made.tracks["vocals"])
    with pytest.raises(Unsupported, match="acestep-v15-base"):
        render(engine, spec(checkpoints["turbo"], "extract", tracks="drums"), heard)


def test_a_track_is_added_and_an_accompaniment_made(engine, checkpoints):
    heard = window(music(10.5))
    lego = render(engine, spec(checkpoints["base"], "lego", track="bass"), heard)
    complete = render(engine, spec(checkpoints["base"], "complete", tracks="drums,bass"), heard)
    assert list(lego.tracks) == ["bass"]
    assert list(complete.tracks) == [MIX]
    assert lego.tracks["bass"].shape == complete.tracks[MIX].shape == heard.samples.shape


def test_a_track_that_is_wanted_in_a_part_is_marked_there(engine, checkpoints, monkeypatch):
    seen = []
    plain = tasks.Session.takes
    monkeypatch.setattr(tasks.Session, "takes", lambda *args, **kwargs: seen.append(args[3]) or plain(*args, **kwargs))
    render(engine, spec(checkpoints["base"], "lego", track="bass", start=4, end=6), window(music(12), (4, 6)))
    mask = seen[0].context[0, :, -1]
    assert mask[100:150].eq(1).all()
    assert mask.sum() == 50
    render(engine, spec(checkpoints["base"], "complete", tracks="bass", start=4, end=6), window(music(12), (4, 6)))
    assert seen[1].context[0, :, -1].eq(1).all()


@pytest.mark.parametrize("sampler", ["euler", "sde", "heun"])
@pytest.mark.parametrize("method", ["apg", "adg", "cfg"])
def test_experts_choose_sampler_and_guidance(engine, checkpoints, sampler, method):
    expert = {"sampler": sampler, "guidance_method": method, "guidance_to": 0.9}
    of = spec(checkpoints["base"], "generate", length=10, expert=expert)
    made = render(engine, of, window(np.zeros((2, 10 * RATE), np.float32), source=(0, 0)))
    assert np.isfinite(made.tracks[MIX]).all()


def test_a_seed_is_a_take_and_another_seed_another(engine, checkpoints):
    heard, of = window(music(12), (5, 7)), spec(checkpoints["turbo"], "repaint", start=5, end=7)
    first, again, other = (render(engine, of, heard, seed).tracks[MIX] for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_second_take_encodes_nothing_again(engine, checkpoints):
    heard, of = window(music(12, seed=8), (5, 7)), spec(checkpoints["turbo"], "repaint", start=5, end=7, prompt="new")
    render(engine, of, heard, 1)
    session = engine._session
    calls = []
    for module in (session.modules.vae.encoder, session.modules.text_encoder, session.modules.condition_encoder):
        module.register_forward_hook(lambda *_: calls.append(1))
    render(engine, of, heard, 2)
    assert not calls


def test_progress_rises_through_its_stages(engine, checkpoints):
    told = []
    heard = window(music(12, seed=9), (5, 7))
    render(
        engine,
        spec(checkpoints["turbo"], "repaint", start=5, end=7, steps=8),
        heard,
        report=lambda *of: told.append(of),
    )
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    stages = list(dict.fromkeys(stage for _, stage in told))
    assert stages[-3:] == [Stage.READING, Stage.RENDERING, Stage.DECODING]


@pytest.mark.parametrize("stage", [Stage.READING, Stage.RENDERING, Stage.DECODING])
def test_a_cancel_takes_hold_within_a_step(engine, checkpoints, stage):
    of = spec(checkpoints["turbo"], "repaint", start=5, end=7)
    seen = 0

    def report(fraction, at):
        nonlocal seen
        seen += at is stage
        if seen == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        render(engine, of, window(music(12, seed=len(stage)), (5, 7)), report=report)
    assert seen == 2
    again = render(engine, of, window(music(12), (5, 7)))
    assert np.array_equal(again.tracks[MIX], render(engine, of, window(music(12), (5, 7))).tracks[MIX])


def test_a_reference_changes_the_timbre(engine, checkpoints, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "reference.wav", music(4, seed=5).T, RATE)
    heard = window(np.zeros((2, 10 * RATE), np.float32), source=(0, 0))
    plain = render(engine, spec(checkpoints["turbo"], "generate", length=10), heard)
    after = render(
        engine, spec(checkpoints["turbo"], "generate", length=10, reference=str(tmp_path / "reference.wav")), heard
    )
    assert not np.array_equal(plain.tracks[MIX], after.tracks[MIX])


def test_a_silent_source_is_shown_as_silence_and_not_encoded(engine, checkpoints):
    of = spec(checkpoints["turbo"], "repaint", start=5, end=7)
    made = render(engine, of, window(np.zeros((2, 12 * RATE), np.float32), (5, 7)))
    assert np.abs(made.tracks[MIX][:, 5 * RATE : 7 * RATE]).max() > 1e-3
