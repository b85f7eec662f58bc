"""The checkpoints of ACE-Step 1.5 that its makers released. Data only.

Sizes are what the makers plan with, good for a progress bar's first guess and a full disk; the hub says the exact ones.
No revision is pinned here: a pull takes the newest, and writes down which one that was, so that it can be verified.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.backends.acestep.layout import TEXT_ENCODER, VAE
from engine.backends.acestep.traits import Traits

Kind = Literal["dit", "lm", "vae", "text_encoder"]
Family = Literal["2b", "xl", ""]

_BUNDLE = "ACE-Step/Ace-Step1.5"
_GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Release:
    """One folder of the models folder, and where it comes from."""

    name: str
    """Of its folder."""
    kind: Kind
    repo: str
    """On Hugging Face and ModelScope alike."""
    folder: str
    """Where it lies in the repository; empty: it is the repository."""
    bytes: int
    """About."""
    family: Family = ""
    variant: Literal["turbo", "base", "sft", ""] = ""
    needs: tuple[str, ...] = ()
    """Other releases without which it cannot be loaded."""
    revision: str = "main"

    @property
    def traits(self) -> Traits:
        """What a DiT can do, and how it is rendered."""
        return Traits(self.name, turbo=self.variant == "turbo", xl=self.family == "xl", base=self.variant == "base")


def _dit(name: str, family: Family, variant: Literal["turbo", "base", "sft"]) -> Release:
    size = (95 if family == "xl" else 47) * _GB // 10
    return Release(name, "dit", f"ACE-Step/{name}", "", size, family, variant, needs=(VAE, TEXT_ENCODER))


RELEASES: tuple[Release, ...] = (
    Release(
        "acestep-v15-turbo", "dit", _BUNDLE, "acestep-v15-turbo", 47 * _GB // 10, "2b", "turbo", (VAE, TEXT_ENCODER)
    ),
    _dit("acestep-v15-turbo-shift1", "2b", "turbo"),
    _dit("acestep-v15-turbo-shift3", "2b", "turbo"),
    _dit("acestep-v15-turbo-continuous", "2b", "turbo"),
    _dit("acestep-v15-base", "2b", "base"),
    _dit("acestep-v15-sft", "2b", "sft"),
    _dit("acestep-v15-xl-turbo", "xl", "turbo"),
    _dit("acestep-v15-xl-base", "xl", "base"),
    _dit("acestep-v15-xl-sft", "xl", "sft"),
    Release(
        "acestep-v15-xl-turbo-diffusers", "dit", "ACE-Step/acestep-v15-xl-turbo-diffusers", "", 11 * _GB, "xl", "turbo"
    ),
    Release("acestep-5Hz-lm-0.6B", "lm", "ACE-Step/acestep-5Hz-lm-0.6B", "", 12 * _GB // 10),
    Release("acestep-5Hz-lm-1.7B", "lm", _BUNDLE, "acestep-5Hz-lm-1.7B", 34 * _GB // 10),
    Release("acestep-5Hz-lm-4B", "lm", "ACE-Step/acestep-5Hz-lm-4B", "", 8 * _GB),
    Release(VAE, "vae", _BUNDLE, VAE, 33 * _GB // 100),
    Release(TEXT_ENCODER, "text_encoder", _BUNDLE, TEXT_ENCODER, 12 * _GB // 10),
)

BY_NAME: Mapping[str, Release] = {release.name: release for release in RELEASES}
FIRST = "acestep-v15-turbo"
"""What a user needs to begin."""
