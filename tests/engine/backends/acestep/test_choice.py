"""Which checkpoint a job gets, and what is said where there is none. No torch is needed to choose."""

import json
import subprocess
import sys

import pytest

from engine.backends.acestep import obstacle
from engine.backends.acestep.choice import checkpoint
from engine.errors import NoModel, Unsupported
from engine.spec import RenderSpec

pytestmark = pytest.mark.neural


def spec(verb, **values):
    needs = {"generate": {"length": 10}, "extract": {"source": "/s.wav", "tracks": "drums"}}[verb]
    return RenderSpec.parse({"verb": verb, "prompt": "x", "engine": "acestep"} | needs | values)


@pytest.fixture
def shelf(checkpoints, monkeypatch):
    monkeypatch.setenv("PUNCHIN_MODELS", str(checkpoints["turbo"].parent))
    return checkpoints


def test_music_comes_from_turbo_and_stems_from_base(shelf):
    assert checkpoint(spec("generate")) == shelf["turbo"]
    assert checkpoint(spec("extract")) == shelf["base"]


def test_a_checkpoint_is_named_by_name_or_by_path(shelf, monkeypatch, tmp_path):
    assert checkpoint(spec("generate", model="acestep-v15-xl-turbo")) == shelf["xl"]
    monkeypatch.setenv("PUNCHIN_MODELS", str(tmp_path))
    assert checkpoint(spec("generate", model=str(shelf["xl"]))) == shelf["xl"]


def test_a_checkpoint_that_was_not_trained_for_a_verb_names_one_that_was(shelf):
    with pytest.raises(Unsupported, match="acestep-v15-turbo was not trained to extract; acestep-v15-base was"):
        checkpoint(spec("extract", model="acestep-v15-turbo"))


def test_without_a_checkpoint_the_remedy_is_a_command(monkeypatch, tmp_path):
    monkeypatch.setenv("PUNCHIN_MODELS", str(tmp_path))
    with pytest.raises(NoModel, match="punchin models pull acestep-v15-base"):
        checkpoint(spec("extract"))
    assert isinstance(obstacle(spec("generate")), NoModel)


def test_choosing_loads_no_model_code(shelf):
    asked = {"verb": "generate", "prompt": "x", "length": 10, "engine": "acestep"}
    code = (
        "import json, sys; from engine.backends.acestep import DESCRIPTION; from engine.spec import RenderSpec;"
        f"print(DESCRIPTION.obstacle(RenderSpec.parse(json.loads({json.dumps(json.dumps(asked))}))),"
        "{'torch', 'diffusers', 'transformers', 'numpy'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert told.stdout.strip() == "None set()"
