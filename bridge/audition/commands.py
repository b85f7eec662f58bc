"""The commands that have takes played: audition, stop."""

from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from bridge.asking import print_json
from bridge.audition.desk import PATIENCE
from bridge.flags import Json
from bridge.place import Place
from bridge.protocol import messages as m


def audition(
    job: Annotated[str | None, Parameter(help="job id; default: the last that was rendered")] = None,
    *,
    take: Annotated[int, Parameter(help="take number; 0: the original")] = 1,
    track: Annotated[str | None, Parameter(help="which stem or instrument, of a job with several")] = None,
    mode: Annotated[Literal["solo", "context"], Parameter(help="alone or in its surroundings")] = "solo",
    loop: Annotated[bool, Parameter(negative="", help="again and again, in whole bars")] = False,
    bpm: Annotated[float | None, Parameter(help="tempo of the bars; default: that of the job")] = None,
    match: Annotated[bool, Parameter(negative="", help="takes and original equally loud; with solo")] = False,
    around: Annotated[float | None, Parameter(help="seconds of surroundings on each side")] = None,
    place: Place = Place(),
    json: Json = False,
) -> int:
    """Play a take, or the original beside it."""
    values = {
        "job": job,
        "take": take,
        "track": track,
        "mode": mode,
        "loop": loop,
        "bpm": bpm,
        "match": match,
        "around": around,
    }
    with place.connect() as client:
        client.no_answer_seconds = PATIENCE + 5
        answers = client.asking("audition", {key: value for key, value in values.items() if value is not None})
        reply = next(answer for answer in answers if isinstance(answer, m.Playing | m.Rejected))
    if json:
        print_json({"ok": isinstance(reply, m.Playing), **reply.model_dump(mode="json", exclude={"request_id"})})
    elif isinstance(reply, m.Playing):
        delay = f", {1000 * reply.latency:.0f} ms later" if reply.latency >= 0 else ""
        Console().print(f"take {reply.take} plays on {reply.device}{delay}; `punchin stop` ends it", highlight=False)
    else:
        Console(stderr=True).print(f"{reply.code}: {reply.message}", highlight=False, soft_wrap=True)
    return 0 if isinstance(reply, m.Playing) else 1


def stop(*, place: Place = Place()) -> None:
    """Stop what is played."""
    with place.connect() as client:
        client.ask("stop")
