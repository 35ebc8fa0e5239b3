"""Which stored bits meet errors: all of them, or those of chosen layers and bit positions alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nvmsim.accuracy.ranges import Placed
from nvmsim.accuracy.task import Task
from nvmsim.device.memory_image import MemoryImage
from nvmsim.errors import InputError


@dataclass(frozen=True, eq=False)
class Exposure:
    """The part of an image that errors may meet: ``weights`` (bool[n_weights]), ``bits`` (bool[width]); None: all.

    ``n_bits`` data bits are exposed, among ``read_bits`` that a read of the image moves and that may be wrong.
    """

    image: MemoryImage
    weights: NDArray[np.bool_] | None
    bits: NDArray[np.bool_] | None
    n_bits: int
    read_bits: int

    @classmethod
    def of(cls, task: Task, image: MemoryImage, tensors: Sequence[Placed]) -> "Exposure":
        """Return what ``task`` exposes; raises InputError on a layer or bit position that is not there."""
        _check(task, image, tensors)
        if not task.layers and not task.bits:
            return cls(image, None, None, image.n_bits, image.pages * task.layout.read_bits)
        weights = np.full(image.n_weights, not task.layers)
        for tensor in tensors:
            weights[tensor.start : tensor.start + tensor.size] |= tensor.module in task.layers
        bits = np.full(image.width, not task.bits)
        bits[list(task.bits)] = True
        exposed = int(np.count_nonzero(weights)) * int(np.count_nonzero(bits))
        return cls(image, weights, bits, exposed, exposed)

    def keep(self, addresses: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return those of the physical ``addresses`` that are exposed, in order."""
        if self.weights is None:
            return addresses
        stream = self.image.layout.to_stream(addresses)
        holds_data = (stream >= 0) & (stream < self.image.n_bits)
        weight, bit = self.image.weight_and_bit(stream[holds_data])
        return addresses[holds_data][self.weights[weight] & self.bits[bit]]


def _check(task: Task, image: MemoryImage, tensors: Sequence[Placed]) -> None:
    known = list(dict.fromkeys(tensor.module for tensor in tensors))
    problems = [f"layer {name!r}: {task.model} has {', '.join(known)}" for name in task.layers if name not in known]
    problems += [
        f"bit {bit}: {task.encoding} has words of {image.width} bits, from 0 (the least significant)"
        for bit in task.bits
        if not 0 <= bit < image.width
    ]
    if problems:
        raise InputError(problems)
