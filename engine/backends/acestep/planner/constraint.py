"""A grammar at work: which ids may come next, and which must."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher

from engine.errors import EngineError


class Constraint:
    """Follows a text from its first id to its end."""

    def __init__(self, tokenizer: Any, grammar: str) -> None:
        """`tokenizer`: as `Vocabulary.for_grammars` gives it. Raises EngineError for a grammar that makes no sense."""
        self._matcher = LLMatcher(tokenizer, grammar)
        self._check()

    @property
    def ended(self) -> bool:
        """Whether the text is complete."""
        return bool(self._matcher.is_stopped())

    def forced(self) -> list[int]:
        """Ids that have to come next, taken already; often none."""
        ids: list[int] = self._matcher.compute_ff_tokens()
        if ids:
            self.take(ids)
        return ids

    def legal(self) -> npt.NDArray[np.int64]:
        """Ids that may come next, rising."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        self._check()
        return np.flatnonzero(np.unpackbits(bits, bitorder="little"))

    def may_take(self, ids: Sequence[int]) -> bool:
        """Whether all of these may come next, in this order."""
        return int(self._matcher.validate_tokens(list(ids))) == len(ids)

    def take(self, ids: Sequence[int]) -> None:
        """These come next."""
        self._matcher.consume_tokens(list(ids))
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise EngineError(f"the planner's grammar failed: {self._matcher.get_error()}")
