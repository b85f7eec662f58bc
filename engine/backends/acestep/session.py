"""One checkpoint at work: audio to latents, words to states, noise to latents, latents to audio, with what is known kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from engine import audio
from engine.audio import FloatArray
from engine.backends.acestep import conditioning, prompts, schedule
from engine.backends.acestep.adapters import Adapters
from engine.backends.acestep.alignment import Aligned, Listening, aligned
from engine.backends.acestep.attention import ConditionMemory, prepare
from engine.backends.acestep.cache import Cache, Ingredient, key
from engine.backends.acestep.checkpoint import Modules
from engine.backends.acestep.flow import Condition, Flow, Steering, interrupted_by
from engine.backends.acestep.occupancy import TRANSFORMER, Occupancy
from engine.backends.acestep.prompts import Metas
from engine.backends.acestep.sampler import Kept, Noise, denoise, varied
from engine.backends.acestep.vae import Vae
from engine.backends.adapt import with_channels
from engine.backends.base import Report, Stage
from engine.errors import InvalidSpec
from engine.expert import Expert
from engine.spec import RenderSpec
from engine.units import Frames, SampleRate, Seconds, Seed

if TYPE_CHECKING:
    from engine.backends.acestep.planner.desk import Desk

RATE = SampleRate(48000)
_TOLD = 24
"""Characters of a prompt by which its reader finds the place."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a take begins when not with pure noise: the source's latents, noised to a level."""

    latents: Tensor
    noise: float


@dataclass(frozen=True, slots=True)
class Switch:
    """Another condition from a share of the steps on."""

    after: float
    condition: Condition


@dataclass(frozen=True, slots=True)
class Prints:
    """What tells one set of weights from another: part of the name of everything that is kept."""

    vae: str
    encoders: str


class Session:
    """Holds modules in memory; one job at a time, on the thread that calls."""

    def __init__(
        self,
        modules: Modules,
        adapters: Adapters,
        occupancy: Occupancy,
        tile_frames: Callable[[], int],
        cache: Cache,
        prints: Prints,
        device: torch.device,
    ) -> None:
        self.modules = modules
        self.traits = modules.traits
        self.adapters = adapters
        self.occupancy = occupancy
        self.notes: list[str] = []
        """What the user should know of the job at hand."""
        self._vae = Vae(modules.vae, tile_frames, self.notes.append)
        self._cache = cache
        self._prints = prints
        self.desk: Desk | None = None
        """The planner's, where the job at hand has one."""
        self._device = device
        self._memory: ConditionMemory = prepare(modules.transformer)

    @property
    def hop(self) -> int:
        """Samples of one latent frame."""
        return self._vae.hop

    # What a take is made from

    def latents(self, samples: FloatArray, report: Report) -> Tensor:
        """Latents [1, frames, channels] of audio [2, samples]; those of silence where there is nothing to hear."""
        if np.abs(samples).max(initial=0.0) < conditioning.SILENT_BELOW:
            return self.silence(samples.shape[1] // self.hop)

        def encoded() -> Tensor:
            with torch.inference_mode(), self.occupancy.present("vae"):
                return self._vae.encode(torch.from_numpy(samples), report)

        return self._kept("latents", encoded, self._prints.vae, torch.from_numpy(samples))

    def silence(self, frames: int) -> Tensor:
        """Latents of silence."""
        return conditioning.silence(self.modules, frames).to(self._device)

    def states(
        self,
        asked: str,
        spec: RenderSpec,
        metas: Metas,
        report: Report,
        caption: Callable[[str], str] = str,
    ) -> Tensor:
        """Condition states of a spec's words and timbre; `caption`: what is made of the words.

        A prompt that is too long loses the end of its words, never the tempo and the key behind them.
        """

        def prompt(words: str) -> str:
            return prompts.text_prompt(asked, caption(words), metas)

        words = conditioning.fitting(self.modules.tokenizer, prompt, spec.prompt)
        if words != spec.prompt:
            self.notes.append(f"the prompt is too long for the model, which read it up to {words[-_TOLD:]!r}")
        text = prompt(words)
        lyrics = prompts.lyric_prompt(spec.lyrics, spec.language)
        timbre = self._timbre(spec.reference, report)

        def encoded() -> Tensor:
            with torch.inference_mode(), self.occupancy.present("text_encoder", "condition_encoder"):
                return conditioning.states(self.modules, text, lyrics, timbre)

        return self._kept("states", encoded, self._prints.encoders, text, lyrics, timbre)

    def _kept(self, kind: str, compute: Callable[[], Tensor], *ingredients: Ingredient) -> Tensor:
        """What was computed of these ingredients before, or is now."""
        return self._cache.kept(key(kind, *ingredients), lambda: {kind: compute()})[kind].to(self._device)

    def _timbre(self, reference: Path | None, report: Report) -> Tensor:
        if reference is None:
            return self.silence(conditioning.TIMBRE_SECONDS * RATE // self.hop)
        file = audio.probe(reference)
        clip = audio.read(reference, Frames(0), file.frames)
        heard = np.clip(audio.resample(with_channels(clip.samples, 2), clip.rate, RATE), -1, 1)
        return self.latents(conditioning.thirds(torch.from_numpy(heard), RATE).numpy(), report)

    def retold(self, latents: Tensor) -> Tensor:
        """Latents as 5 Hz codes tell them."""
        with torch.inference_mode(), self.occupancy.present("audio_tokenizer", "audio_token_detokenizer"):
            return conditioning.round_trip(self.modules, latents)

    def heard(self, latents: Tensor) -> list[int]:
        """The 5 Hz codes of latents [1, frames, channels]."""
        with torch.inference_mode(), self.occupancy.present("audio_tokenizer"):
            return conditioning.heard(self.modules, latents)

    def told(self, codes: Tensor, frames: int) -> Tensor:
        """Latents [1, frames, channels] that codes [count] tell; silence where they tell no more."""
        with torch.inference_mode(), self.occupancy.present("audio_tokenizer", "audio_token_detokenizer"):
            said = conditioning.told(self.modules, codes.to(self._device))
        if said.shape[1] < frames:
            said = torch.cat([said, self.silence(frames)[:, said.shape[1] :].to(said)], dim=1)
        return said[:, :frames]

    @property
    def cache(self) -> Cache:
        """What was computed before."""
        return self._cache

    # A take

    def takes(
        self,
        spec: RenderSpec,
        seeds: Sequence[Seed],
        condition: Condition,
        report: Report,
        *,
        kept: Kept | None = None,
        opening: Opening | None = None,
        switch: Switch | None = None,
    ) -> Tensor:
        """Latents [takes, frames, channels] of one or more takes of the same request, in float32."""
        expert = spec.expert or Expert()
        times = self.times(spec)
        if opening is not None:
            times = schedule.begun_late(times, opening.noise)
        frames, channels = condition.context.shape[1], condition.context.shape[2] // 2
        source = Noise(seeds, frames, channels)
        noise = source.draw()
        if expert.retake:
            noise = varied(noise, Noise([expert.retake_seed] * len(seeds), frames, channels).draw(), expert.retake)
        flow = Flow(
            self.modules.transformer,
            self._memory,
            condition,
            self.modules.condition_encoder.null_condition_emb,
            self._steering(spec, expert),
        )
        turning = len(times) if switch is None else int(len(times) * switch.after)
        done = 0

        def field(number: int) -> Flow:
            if switch is not None and number == turning:
                flow.condition = switch.condition
            return flow

        def stepped(number: int) -> None:
            nonlocal done
            done = number + 1
            report(done / len(times), Stage.RENDERING)

        self._memory.clear()
        layers = self.modules.transformer.layers
        with (
            torch.inference_mode(),
            self.occupancy.present(TRANSFORMER),
            interrupted_by(lambda: report(done / len(times), Stage.RENDERING), layers),
        ):
            return denoise(
                field,
                noise.to(self._device),
                times,
                method=expert.sampler,
                fresh=source.draw,
                start=None if opening is None else opening.latents,
                kept=kept,
                stepped=stepped,
            )

    def sung(
        self, spec: RenderSpec, seed: Seed, condition: Condition, latents: Tensor, report: Report
    ) -> Aligned | None:
        """Where a take [1, frames, channels] sings the lines of the spec; None where this checkpoint does not tell."""
        if not self.traits.alignment:
            return None
        heading = prompts.lyric_heading(spec.language)
        first, lines = conditioning.lyric_lines(self.modules.tokenizer, heading, spec.lyrics)
        frames, channels = latents.shape[1], latents.shape[2]
        time = 1 / len(self.times(spec))
        noise = Noise([seed], frames, channels).draw().to(latents)
        null = self.modules.condition_encoder.null_condition_emb
        flow = Flow(self.modules.transformer, self._memory, condition, null, Steering())
        self._memory.clear()
        with (
            torch.inference_mode(),
            self.occupancy.present(TRANSFORMER),
            interrupted_by(lambda: report(0.0, Stage.RENDERING), self.modules.transformer.layers),
            Listening(self.modules.transformer, dict(self.traits.alignment), first + len(lines)) as listening,
        ):
            flow(time * noise + (1 - time) * latents, time)
        seconds = Seconds(frames * self.hop / RATE)
        return aligned(listening.energy[:, first:], lines, spec.lyrics.split("\n"), seconds)

    def times(self, spec: RenderSpec) -> tuple[float, ...]:
        """The schedule that a spec asks for."""
        expert, usual = spec.expert or Expert(), self.traits.defaults
        if expert.times is None:
            return schedule.times(spec.steps or usual.steps, usual.shift if spec.shift is None else spec.shift)
        try:
            return schedule.given(expert.times)
        except ValueError as error:
            raise InvalidSpec(f"expert: {error}") from None

    def _steering(self, spec: RenderSpec, expert: Expert) -> Steering:
        scale = self.traits.defaults.guidance if spec.guidance is None else spec.guidance
        return Steering(scale, expert.guidance_method, expert.guidance_from, expert.guidance_to)

    def decoded(self, latents: Tensor, report: Report, first: int, end: int) -> FloatArray:
        """Audio [2, samples] of the latent frames from `first` to `end` of one take [1, frames, channels]."""
        with torch.inference_mode(), self.occupancy.present("vae"):
            samples: FloatArray = self._vae.decode(latents, report, first, end).float().numpy()
        return samples
