"""The `punchin` command. What a command needs is imported when it runs: `punchin serve` must not wait for a progress bar."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from bridge.flags import Host, Json, Models, Port, State
from engine.errors import CannotStart, InvalidSpec, PunchinError

app = App(
    name="punchin", help="Generate, continue, repaint and split music from inside your DAW.", version=version("punchin")
)
app.command("bridge.sending:send", name="send", help="Send one request to the daemon and wait for its result.")
app.command("bridge.asking:jobs", name="jobs", help="List the newest jobs.")
app.command("bridge.asking:cancel", name="cancel", help="Stop a job, named by its id.")
app.command("bridge.asking:pause", name="pause", help="Stop rendering and free the engines' memory; jobs wait.")
app.command("bridge.audition.commands:audition", name="audition", help="Play a take, or the original beside it.")
app.command("bridge.audition.commands:stop", name="stop", help="Stop what is played.")
app.command("bridge.asking:resume", name="resume", help="Render the jobs that wait.")
app.command(
    "bridge.install.bundle:support_bundle", name="support-bundle", help="Collect what a helper needs, in one zip."
)
app.command("bridge.remote.commands:token", name="token", help="Print the token that clients on other machines need.")
app.command("bridge.remote.commands:discover", name="discover", help="List the daemons on the local network.")
bench = App(name="bench", help="Measure engines on real songs, and how soon the daemon answers.")
bench.command("bridge.bench.draft:draft", name="draft", help="Repaint and continue beside copies made by hand.")
bench.command("bridge.bench.separation:separation", name="separation", help="Stems beside the true ones of projects.")
bench.command("bridge.bench.hearing:hearing", name="hearing", help="Chords, key, tempo and beats beside the truth.")
bench.command("bridge.bench.engine:engine", name="engine", help="ACE-Step beside diffusers' own pipeline.")
bench.command("bridge.bench.planner:planner", name="planner", help="ACE-Step's planner beside transformers.")
bench.command("bridge.bench.osc:osc", name="osc", help="Round trips to a daemon beside a bare echo.")
bench.command("bridge.bench.midi:midi", name="midi", help="From a note to the trigger in the DAW.")
app.command(bench)
model_commands = App(name="models", help="Download, list and verify the models of the ACE-Step engine.")
model_commands.command("bridge.models:listing", name="list", help="List the models, and which of them are here.")
model_commands.command("bridge.models:pull", name="pull", help="Download a model, or what is missing of it.")
model_commands.command(
    "bridge.models:verify", name="verify", help="Read every file of a model, and compare it with what was published."
)
model_commands.command("bridge.models:remove", name="remove", help="Remove a model that was downloaded.")
model_commands.command("bridge.models:path", name="path", help="Say where a model is, or the folder of all.")
model_commands.command(
    "bridge.models:make_tiny", name="make-tiny", help="Make a small model with RANDOM weights: it renders noise."
)
app.command(model_commands)
lora_commands = App(name="loras", help="List the adapters of the ACE-Step engine, and say where they are.")
lora_commands.command("bridge.loras:listing", name="list", help="List the adapters that are here.")
lora_commands.command("bridge.loras:path", name="path", help="Say where an adapter is, or the folder to put them into.")
app.command(lora_commands)
midi = App(name="midi", help="Pads, pedals and keys: what is plugged in, what it does, and learning.")
midi.command("bridge.midi.commands:listing", name="list", help="List the MIDI ports and the maps.")
midi.command("bridge.midi.commands:use", name="use", help="Put a map that comes with punchin into use.")
midi.command("bridge.midi.commands:drop", name="drop", help="Take a map out of use.")
midi.command("bridge.midi.commands:learn", name="learn", help="Press a pad, and it does what you name.")
midi.command("bridge.midi.commands:monitor", name="monitor", help="Print what controllers send, and what it does.")
midi.command("bridge.midi.commands:lights", name="test", help="Go through the lights of a controller.")
app.command(midi)
preset_commands = App(name="presets", help="List, show, check and begin presets.")
preset_commands.command("bridge.preset_commands:listing", name="list", help="List the presets, yours and punchin's.")
preset_commands.command("bridge.preset_commands:show", name="show", help="Print the file of a preset, and where it is.")
preset_commands.command("bridge.preset_commands:check", name="check", help="Say of each preset whether it is legal.")
preset_commands.command("bridge.preset_commands:new", name="new", help="Begin a preset of your own.")
app.command(preset_commands)
app.command("bridge.surfaces.commands:surfaces", name="surfaces", help="Say where the layouts for surfaces are.")
install = App(name="install", help="Put punchin's scripts into a DAW.")
install.command("bridge.install.reaper:reaper", name="reaper", help="Put the scripts into REAPER, or take them out.")
install.command("bridge.install.ardour:ardour", name="ardour", help="Put the scripts into Ardour, or take them out.")
install.command(
    "bridge.install.ableton:ableton", name="ableton", help="Put the script into Ableton Live, or take it out."
)
app.command(install)


def main() -> None:
    """Run the command line; errors for the user are one line and exit code 1, or 2 for wrong usage."""
    try:
        sys.exit(app())
    except PunchinError as error:
        sys.stderr.write(f"punchin: {error}\n")
        sys.exit(2 if isinstance(error, CannotStart | InvalidSpec) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command
def serve(
    *,
    state: State = None,
    models: Models = None,
    host: Host = None,
    port: Port = None,
    log_level: str | None = None,
    idle_minutes: float | None = None,
    audio_device: str | None = None,
    audio_buffer: float | None = None,
) -> None:
    """Run the daemon until it is told to stop (Ctrl+C)."""
    import asyncio  # noqa: PLC0415

    from bridge import daemon, settings  # noqa: PLC0415

    chosen = settings.load(
        state=state,
        models=models,
        host=host,
        port=port,
        log_level=log_level,
        idle_minutes=idle_minutes,
        audio_device=audio_device,
        audio_buffer=audio_buffer,
    )
    asyncio.run(daemon.serve(chosen, _say))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@app.command
def doctor(*, state: State = None, host: Host = None, port: Port = None, json: Json = False) -> int:
    """Look at what punchin needs, and say what to do about each problem."""
    from bridge import settings  # noqa: PLC0415
    from bridge.install.doctor import examine, print_findings  # noqa: PLC0415

    findings = examine(settings.load(state=state, host=host, port=port))
    print_findings(findings, as_json=json)
    return 1 if any(finding.state == "problem" for finding in findings) else 0


@app.command
def demo(
    *, out: Annotated[Path, Parameter(help="folder for clips, project, pictures and summary")] = Path("punchin-demo")
) -> int:
    """Show everything once: a daemon of its own, every verb, clips in a REAPER project, pictures."""
    from bridge.demo import scenario  # noqa: PLC0415

    return scenario.run(out.absolute())
