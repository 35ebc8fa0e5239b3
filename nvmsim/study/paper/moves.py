"""How far one flipped bit moves the weights that a network really has, by encoding."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nvmsim.encoding.base import Range
from nvmsim.encoding.spec import make_encoding

if TYPE_CHECKING:
    from nvmsim.zoo.card import Card
    from nvmsim.zoo.model import Model


@dataclass(frozen=True)
class Move:
    """How far one flip moves a weight of ``network``, over all its weights and bits, as parts of their global range."""

    network: str
    encoding: str
    mean: float
    rms: float
    largest: float


def move_of(source: "Card | Model", encoding: str) -> Move:
    """Store every weight of a network under its global range, flip each bit alone, and see how far its value moves.

    >>> from nvmsim.zoo.card import load_card
    >>> round(move_of(load_card("mnist-cnn"), "binary:16").mean, 4)
    0.0625
    """
    code, span = make_encoding(encoding), Range.of(source.weights)
    words = code.encode(source.weights, span)
    before = code.decode(words, span).values
    total = squares = largest = 0.0
    for bit in range(code.width):
        moved = np.abs(code.decode(words ^ np.uint32(1 << bit), span).values - before, dtype=np.float64)
        total += float(moved.sum())
        squares += float(moved @ moved)
        largest = max(largest, float(moved.max()))
    wide, flips = float(span.high) - float(span.low), len(words) * code.width
    return Move(source.name, encoding, total / flips / wide, (squares / flips) ** 0.5 / wide, largest / wide)
