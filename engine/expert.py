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
    planner_model: Annotated[
        str, Field(description="which language model plans: its name, or the path of its folder", max_length=4096)
    ] = ""
    planner_caption: Annotated[bool, Field(description="whether the planner may word the prompt anew")] = True
    planner_codes: Annotated[bool, Field(description="whether it writes audio codes, or metadata only")] = True
    planner_seed: Annotated[int, Ge(0), Le(2**32 - 1)] | None = Field(
        default=None, description="seed of the plan's words; default: the first take's"
    )
    planner_temperature: Annotated[float, Ge(0), Le(2), Field(description="0: always the likeliest")] = 0.85
    planner_guidance: Annotated[float, Ge(1), Le(10), Field(description="how closely codes follow the words")] = 2.0
    planner_top_p: Annotated[float, Ge(0.01), Le(1), Field(description="share of the likeliest that is drawn from")] = (
        0.9
    )
    planner_top_k: Annotated[int, Ge(0), Le(64_000), Field(description="so many of the likeliest; 0: all")] = 0
    planner_repetition: Annotated[float, Ge(0.5), Le(2), Field(description="above 1: repeats itself less")] = 1.0
    planner_negative: Annotated[str, Field(description="what the plan is led away from", max_length=512)] = ""
    retake: Annotated[float, Ge(0), Le(1), Field(description="how far: 0 the same take, 1 another one")] = 0.0
