"""What `/punchin/models` tells, and that telling it takes no model code."""

import subprocess
import sys

import pytest
from rig import Daemon, PlainClient

from bridge.osc.guard import messages
from bridge.presets import presets
from bridge.protocol.peer import Peer
from bridge.protocol.service import Service
from engine import Studio
from engine.backends.acestep import shelf
from engine.backends.acestep.catalogue import RELEASES
from engine.backends.acestep.record import Content, Record
from engine.backends.base import Description
from engine.spec import Verb


@pytest.fixture
def told(tmp_path):
    """Gives what a service with a draft engine and one with downloaded models answers."""

    def ask():
        plain = Description(name="draft", label="", factory="", verbs=frozenset(Verb))
        neural = Description(
            name="acestep",
            label="",
            factory="",
            verbs=frozenset(Verb),
            models=lambda: shelf.listed(tmp_path / "models"),
        )
        studio = Studio(tmp_path / "state", engines={"acestep": neural, "draft": plain})
        sent = []
        try:
            service = Service(studio, presets(), lambda peer, packet: sent.append(packet))
            service.receive(Peer("udp", "127.0.0.1", 9), "/punchin/models", ("m-1",))
        finally:
            studio.close()
        return [(message.address, list(message.arguments)) for packet in sent for message in messages(packet)]

    return ask


def test_every_model_is_told_with_its_engine_state_and_size(told, tmp_path):
    vae = tmp_path / "models" / "vae"
    Record("vae", "some/repo", "huggingface", "c0ffee", {"model.safetensors": Content(1000, "0" * 64)}).write(vae)
    (vae / "model.safetensors").write_bytes(bytes(1000))
    answers = told()
    models = {arguments[0]: arguments[1:] for address, arguments in answers if address == "/punchin/model"}
    assert list(models) == [*(release.name for release in RELEASES), "draft"]
    assert models["draft"] == ["draft", "built in", 0]
    assert models["acestep-v15-xl-base"] == ["acestep", "missing", 9_500_000_000]
    size = sum(path.stat().st_size for path in vae.iterdir())
    assert models["vae"] == ["acestep", "present", size]
    assert answers[-1] == ("/punchin/models_end", ["m-1", len(models)])
    (vae / "model.safetensors").write_bytes(bytes(999))
    assert ("/punchin/model", ["vae", "acestep", "damaged", size - 1]) in told()
    (vae / "model.safetensors").unlink()
    assert ("/punchin/model", ["vae", "acestep", "partial", size - 1000]) in told()


def test_the_commands_start_without_model_code():
    code = (
        "import sys; import bridge.cli, bridge.models, engine.backends.acestep.shelf; "
        "print([name for name in ('torch', 'numpy', 'transformers', 'huggingface_hub') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_daemon_tells_of_the_folder_that_its_settings_name(tmp_path, monkeypatch):
    vae = tmp_path / "models" / "vae"
    Record("vae", "some/repo", "huggingface", "c0ffee", {"model.safetensors": Content(1000, "0" * 64)}).write(vae)
    (vae / "model.safetensors").write_bytes(bytes(1000))
    monkeypatch.setenv("PUNCHIN_MODELS", str(tmp_path / "models"))
    daemon = Daemon(tmp_path / "state")
    client = PlainClient(daemon.port)
    try:
        client.send("/punchin/models", "m-1")
        states = {message.params[0]: message.params[1:3] for message in client.listen("/punchin/models_end")[:-1]}
    finally:
        client.close()
        daemon.stop()
    assert states["vae"] == ["acestep", "present"]
    assert states["acestep-v15-turbo"] == ["acestep", "missing"]
    assert states["draft"] == ["draft", "built in"]
