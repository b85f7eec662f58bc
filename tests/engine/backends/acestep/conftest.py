"""Tiny checkpoints in the released layout, one of each kind, made once."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Small tensors gain nothing from a second thread, and waiting for it costs a loaded machine much."""
    torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A folder with a turbo, a base and an XL turbo checkpoint, whose VAE and text encoder are shared."""
    pytest.importorskip("torch", reason="the neural engine's tests need torch")
    from engine.backends.acestep.tiny import make_tiny

    folder = tmp_path_factory.mktemp("checkpoints")
    return {
        "turbo": make_tiny(folder, variant="turbo"),
        "base": make_tiny(folder, variant="base"),
        "xl": make_tiny(folder, variant="turbo", xl=True),
    }
