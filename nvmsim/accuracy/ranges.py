"""Which weights share one quantisation range."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nvmsim.encoding.base import Decoded, Encoding, Range
from nvmsim.errors import InputError


class Placed(Protocol):
    """A stored tensor: where it lies in the flat vector of weights and what module it belongs to."""

    name: str
    module: str
    start: int
    size: int


SCOPES: dict[str, Callable[[Placed], str]] = {
    "global": lambda tensor: "",
    "layer": lambda tensor: tensor.module,
    "tensor": lambda tensor: tensor.name,
}


@dataclass(frozen=True)
class Ranges:
    """Ranges of the weights in stored order: ``spans[k]`` holds for weights ``stops[k - 1]`` to ``stops[k]``."""

    stops: tuple[int, ...]
    spans: tuple[Range, ...]

    @classmethod
    def of(cls, weights: NDArray[np.float32], tensors: Sequence[Placed], *, scope: str) -> "Ranges":
        """Return the ranges of ``weights`` (float32[n]) under ``scope``: "global", "layer" or "tensor".

        A layer is a module's own tensors, weights and biases together. Raises InputError on an unknown scope.

        >>> from nvmsim.zoo.tensors import lay_out
        >>> tensors = lay_out([("fc.weight", (2,)), ("fc.bias", (1,)), ("out.weight", (1,))])
        >>> Ranges.of(np.float32([0, 1, -2, 3]), tensors, scope="layer").spans[0]
        Range(low=-2.0, high=1.0)
        """
        if scope not in SCOPES:
            raise InputError(f"range scope {scope!r}: must be one of {', '.join(SCOPES)}")
        members: dict[str, list[NDArray[np.float32]]] = {}
        for tensor in tensors:
            part = weights[tensor.start : tensor.start + tensor.size]
            members.setdefault(SCOPES[scope](tensor), []).append(part)
        shared = {group: Range.of(np.concatenate(parts)) for group, parts in members.items()}
        if scope == "global":
            return cls((len(weights),), (shared[""],))
        return cls(
            tuple(tensor.start + tensor.size for tensor in tensors),
            tuple(shared[SCOPES[scope](tensor)] for tensor in tensors),
        )

    def encode(self, encoding: Encoding, weights: NDArray[np.float32]) -> NDArray[np.uint32]:
        """Return the words (uint32[n]) of all weights (float32[n]), each under its own range."""
        parts = zip((0, *self.stops[:-1]), self.stops, self.spans, strict=True)
        return np.concatenate([encoding.encode(weights[start:stop], span) for start, stop, span in parts])

    def decode(self, encoding: Encoding, words: NDArray[np.uint32], index: NDArray[np.int64] | None = None) -> Decoded:
        """Return values and flags of ``words`` (uint32[k]) of the weights ``index`` (int64[k], sorted; None: all)."""
        where = np.asarray(self.stops) if index is None else np.searchsorted(index, self.stops)
        edges = (0, *where.tolist())
        parts = [
            encoding.decode(words[start:stop], span)
            for start, stop, span in zip(edges[:-1], edges[1:], self.spans, strict=True)
            if stop > start
        ]
        if not parts:
            return Decoded(np.zeros(0, np.float32), np.zeros(0, np.bool_))
        return Decoded(np.concatenate([part.values for part in parts]), np.concatenate([part.nulled for part in parts]))
