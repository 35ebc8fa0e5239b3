"""Unequal ECC: chosen layers or bits of a model lie in pages with ECC, the rest in bare pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nvmsim.accuracy.ranges import Placed
from nvmsim.device.layout import PageLayout
from nvmsim.errors import InputError
from nvmsim.suggest import or_near

_NAMED = 4  # bits in a message


@dataclass(frozen=True)
class Protected:
    """What has ECC: all words of ``layers`` (names of modules), or ``bits`` of every word (0 the least significant)."""

    layers: tuple[str, ...] = ()
    bits: tuple[int, ...] = ()

    def layer_problems(self, tensors: Sequence[Placed]) -> list[str]:
        """Say which layers a model with these stored tensors does not have."""
        return unknown_layers(self.layers, tensors)

    def bit_problems(self, width: int) -> list[str]:
        """Say which bits words of ``width`` bits do not have.

        >>> Protected(bits=(15, 16)).bit_problems(16)
        ['bit 16: words of 16 bits have bits 0 (the least significant) to 15']
        """
        wrong = [str(bit) for bit in self.bits if not 0 <= bit < width]
        more = ", ..." if len(wrong) > _NAMED else ""
        named = f"bit{'s' if len(wrong) > 1 else ''} {', '.join(wrong[:_NAMED])}{more}"
        return [f"{named}: words of {width} bits have bits 0 (the least significant) to {width - 1}"] if wrong else []

    @property
    def identity(self) -> dict[str, Any]:
        """What is chosen, in one order, whatever the order it was named in."""
        part = {"layers": sorted(set(self.layers)), "bits": sorted(set(self.bits))}
        return {key: chosen for key, chosen in part.items() if chosen}


@dataclass(frozen=True)
class Unequal:
    """ECC for the ``protected`` part of a model; the rest lies in pages of ``layout``, read without correction."""

    protected: Protected
    layout: PageLayout


def unknown_layers(names: Sequence[str], tensors: Sequence[Placed]) -> list[str]:
    """Say which of the ``names`` are no layers of a model with these stored tensors."""
    known = tuple(dict.fromkeys(tensor.module for tensor in tensors))
    return [f"layer {name[:60]!r}: {or_near(name, known)}" for name in names if name not in known]


def split(
    protected: Protected | None, tensors: Sequence[Placed], *, width: int
) -> tuple[tuple[tuple[Placed, ...], tuple[int, ...]], ...]:
    """Return the tensors and the bits (rising) of their words, of ``width`` bits, in each file of a stored model.

    One file, or with a ``protected`` part that one and then the bare one. An empty file is none. Raises InputError on a
    layer or bit that is not there.

    >>> from nvmsim.zoo.card import load_card
    >>> [bits for _, bits in split(Protected(bits=(1, 3)), load_card("mnist-cnn").tensors, width=4)]
    [(1, 3), (0, 2)]
    """
    every = tuple(range(width))
    if protected is None:
        return ((tuple(tensors), every),)
    if problems := protected.layer_problems(tensors) + protected.bit_problems(width):
        raise InputError(problems)
    inside = tuple(tensor for tensor in tensors if not protected.layers or tensor.module in protected.layers)
    outside = tuple(tensor for tensor in tensors if not protected.layers or tensor.module not in protected.layers)
    bits = tuple(sorted(set(protected.bits))) or every
    others = tuple(bit for bit in every if bit not in bits) if protected.bits else every
    return tuple(file for file in ((inside, bits), (outside, others)) if all(file))
