"""Our denoising beside diffusers' own pipeline: same weights, same noise, same settings, for all that both can do."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")

from diffusers import AceStepPipeline  # noqa: E402
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDiagonalGaussianDistribution  # noqa: E402

from engine.backends.acestep import backend, tasks  # noqa: E402
from engine.backends.acestep.sampler import Noise  # noqa: E402
from engine.backends.acestep.tiny import make_tiny  # noqa: E402
from engine.backends.base import Heard, Span  # noqa: E402
from engine.spec import RenderSpec  # noqa: E402
from engine.units import Frames, SampleRate, Seconds, Seed  # noqa: E402

pytestmark = pytest.mark.neural
RATE, HOP, SEED = 48000, 1920, 3
LARGEST_DIFFERENCE = 1e-4
WORDS = {
    "prompt": "slow blues",
    "lyrics": "[Verse]\nla la",
    "language": "en",
    "bpm": 96,
    "key": "C minor",
    "meter": "3/4",
}
TOLD = {
    "prompt": "slow blues", "lyrics": "[Verse]\nla la", "vocal_language": "en", "bpm": 96, "keyscale": "C minor",
    "timesignature": "3", "shift": 3.0, "num_inference_steps": 4,
}  # fmt: skip


@pytest.fixture(scope="module", params=["turbo", "base"])
def both(request, tmp_path_factory):
    """The reference pipeline, and our engine on the same files, in float32."""
    folder = make_tiny(
        tmp_path_factory.mktemp("models"), variant=request.param, layout="diffusers", dtype=torch.float32
    )
    patch = pytest.MonkeyPatch()
    patch.setenv("ACESTEP_DTYPE", "float32")
    # The pipeline draws its source latents by chance; ours are the most likely ones.
    patch.setattr(OobleckDiagonalGaussianDistribution, "sample", OobleckDiagonalGaussianDistribution.mode)
    pipeline = AceStepPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    yield pipeline, backend.AceStep(), folder
    patch.undo()


@pytest.fixture
def ours(both, monkeypatch):
    """Renders a spec, and returns the latents that came out of the sampler."""
    _, engine, folder = both
    found = []
    plain = tasks.Session.takes
    monkeypatch.setattr(
        tasks.Session, "takes", lambda *args, **kwargs: found.append(plain(*args, **kwargs)) or found[-1]
    )

    def render(verb, samples, *spans, **values):
        source = {} if verb == "generate" else {"source": "/source.wav"}
        of = RenderSpec.parse(
            {"verb": verb, "model": str(folder), "engine": "acestep", "steps": 4, "shift": 3.0}
            | source
            | WORDS
            | values
        )
        whole = Span(Frames(0), Frames(samples.shape[1]))
        placed = tuple(Span(Frames(a * RATE), Frames((b - a) * RATE)) for a, b in spans) or (whole,)
        heard = Heard(samples, SampleRate(RATE), Seconds(0.0), whole, placed)
        engine.render(of, heard, Seed(SEED), lambda *_: None)
        return found[-1]

    return render


def music(seconds):
    return (0.1 * np.random.default_rng(0).standard_normal((2, seconds * RATE))).astype(np.float32)


def theirs(pipeline, seconds, **told):
    channels = pipeline.transformer.config.audio_acoustic_hidden_dim
    frames = seconds * RATE // HOP
    return pipeline(
        **TOLD | told, audio_duration=float(seconds), latents=Noise([SEED], frames, channels).draw(), output_type="latent"
    ).audios  # fmt: skip


def difference(one, other):
    assert one.shape == other.shape
    return float((one - other).abs().max())


def test_new_music_is_that_of_the_pipeline(both, ours):
    made = ours("generate", np.zeros((2, 12 * RATE), np.float32), length=12)
    assert difference(made, theirs(both[0], 12)) < LARGEST_DIFFERENCE


def test_a_repaint_that_injects_nothing_is_that_of_the_pipeline(both, ours):
    samples = music(12)
    made = ours("repaint", samples, (4, 8), start=4, end=8, strength=1.0)
    told = {
        "task_type": "repaint",
        "src_audio": torch.from_numpy(samples),
        "repainting_start": 4.0,
        "repainting_end": 8.0,
    }
    reference = theirs(both[0], 12, **told)
    # Outside of the zone ours is the source itself, which the pipeline does not keep.
    assert difference(made[:, 100:200], reference[:, 100:200]) < LARGEST_DIFFERENCE


def test_a_cover_by_codes_is_that_of_the_pipeline(both, ours):
    samples = music(12)
    pipeline = both[0]
    made = ours("cover", samples)
    latents = pipeline.vae.encode(torch.from_numpy(samples)[None]).latent_dist.mode().mT
    _, codes = pipeline.audio_tokenizer.tokenize(latents, pipeline.condition_encoder.silence_latent)
    text = "".join(f"<|audio_code_{code}|>" for code in codes.flatten().tolist())
    assert difference(made, theirs(pipeline, 12, task_type="cover", audio_codes=text)) < LARGEST_DIFFERENCE


def test_stems_are_those_of_the_pipeline(both, ours):
    pipeline, _, folder = both
    if "base" not in folder.name:
        return
    samples = music(12)
    source = {"src_audio": torch.from_numpy(samples)}
    extracted = theirs(pipeline, 12, task_type="extract", track_name="drums", **source)
    assert difference(ours("extract", samples, tracks="drums"), extracted) < LARGEST_DIFFERENCE
    added = theirs(pipeline, 12, task_type="lego", track_name="bass", **source)
    assert difference(ours("lego", samples, track="bass"), added) < LARGEST_DIFFERENCE
    there = {"repainting_start": 4.0, "repainting_end": 6.0}
    added = theirs(pipeline, 12, task_type="lego", track_name="bass", **there, **source)
    assert difference(ours("lego", samples, (4, 6), track="bass", start=4, end=6), added) < LARGEST_DIFFERENCE
    completed = theirs(pipeline, 12, task_type="complete", complete_track_classes=["drums", "bass"], **source)
    assert difference(ours("complete", samples, tracks="drums,bass"), completed) < LARGEST_DIFFERENCE


def test_the_interval_of_guidance_is_that_of_the_pipeline(both, ours):
    # The pipeline counts from noise to music, the model's time runs from music to noise.
    made = ours(
        "generate", np.zeros((2, 12 * RATE), np.float32), length=12, expert={"guidance_from": 0.4, "guidance_to": 0.9}
    )
    reference = theirs(both[0], 12, cfg_interval_start=0.1, cfg_interval_end=0.6)
    assert difference(made, reference) < LARGEST_DIFFERENCE
