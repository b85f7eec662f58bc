"""Settings of diffusion models for those who know them: the wire's `expert` key, a JSON object."""

from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field


class Expert(BaseModel):
    """Everything has a default that the model's makers recommend; engines without diffusion take no notice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sampler: Annotated[Literal["euler", "sde", "heun"], Field(description="how the flow is integrated")] = "euler"
    guidance_method: Annotated[Literal["apg", "adg", "cfg"], Field(description="how guidance acts")] = "apg"
    guidance_from: Annotated[float, Ge(0), Le(1), Field(description="earliest time of guidance; 1 is noise")] = 0.0
    guidance_to: Annotated[float, Ge(0), Le(1), Field(description="latest time of guidance")] = 1.0
    times: Annotated[
        tuple[Annotated[float, Ge(0), Le(1)], ...] | None,
        Field(description="the times themselves, falling, instead of steps and shift", min_length=1, max_length=200),
    ] = None
    retake_seed: Annotated[int, Ge(0), Le(2**32 - 1), Field(description="seed of the noise that is gone towards")] = 0
    retake: Annotated[float, Ge(0), Le(1), Field(description="how far: 0 the same take, 1 another one")] = 0.0
