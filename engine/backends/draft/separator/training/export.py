"""Write a checkpoint's averaged weights, or the mean of several, as ONNX, and check that both give the same masks.

Run as `python -m engine.backends.draft.separator.training.export [--low] CHECKPOINT… MODEL`. Needs PyTorch, onnx and onnxruntime.
A mean of the weights before and after fine-tuning keeps more of what the first could do (Wortsman et al. 2022).
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from engine.backends.draft.separator.bands import BANDS
from engine.backends.draft.separator.masks import WINDOWS
from engine.backends.draft.separator.repeats import CUES, LOW
from engine.backends.draft.separator.training.low import Low
from engine.backends.draft.separator.training.net import Net


def main() -> None:
    """Export, compare, and print the size and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--low", action="store_true", help="the net below 172 Hz, which `refine` trained")
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("model", type=Path)
    given = parser.parse_args()
    net: torch.nn.Module = Low() if given.low else Net()
    weights = [torch.load(path)["averaged"] for path in given.checkpoints]
    # Counts of steps are whole numbers, which no mask depends on.
    net.load_state_dict(
        {
            name: torch.stack([each[name].double() for each in weights]).mean(dim=0).to(weights[0][name].dtype)
            for name in weights[0]
        }
    )
    net.eval()
    heard = "cues" if given.low else "power"
    example = torch.rand((1, CUES, WINDOWS, LOW) if given.low else (1, 2, WINDOWS, BANDS))
    torch.onnx.export(
        net, (example,), str(given.model), input_names=[heard], output_names=["masks"], opset_version=17, dynamo=False
    )
    session = onnxruntime.InferenceSession(str(given.model), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        difference = np.abs(session.run(None, {heard: example.numpy()})[0] - net(example).numpy()).max()
    print(f"{given.model.stat().st_size} bytes, masks differ by at most {difference:.1e}")  # noqa: T201  a script's answer
    assert difference < 1e-4


if __name__ == "__main__":
    main()
