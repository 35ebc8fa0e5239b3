"""A task made ready to run: the stored parts, the clean weights, the ranges that decode them."""

from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nvmsim.accuracy.part import parts_of
from nvmsim.accuracy.ranges import Ranges
from nvmsim.accuracy.records import TaskFacts
from nvmsim.accuracy.stored_part import StoredPart
from nvmsim.accuracy.task import FLOAT32, Task
from nvmsim.encoding.base import Decoded
from nvmsim.encoding.spec import make_encoding
from nvmsim.inject.backend import Backend, image_order

if TYPE_CHECKING:
    from nvmsim.zoo.network import Network
    from nvmsim.zoo.prefix import Prefix


@dataclass(eq=False)
class Slot:
    """A network, the compiled task whose clean weights it holds now, and what each way of storing it gets right.

    ``clean_counts`` are by encoding, range scope and order of the images, then by block.
    """

    network: "Network"
    holder: "CompiledTask | None" = None
    clean_counts: dict[tuple[str, str, int], dict[int, int]] = field(default_factory=dict)


class CompiledTask:
    """A task ready to run: the stored ``parts`` (none: float32), the clean decoded weights, and how words decode.

    ``weights`` are the network's own, float32[n]. Raises InputError if the task does not fit them.
    """

    def __init__(self, task: Task, weights: NDArray[np.float32], *, slot: Slot, backend: Backend) -> None:
        self.task, self.slot, self.backend = task, slot, backend
        self.order = image_order(task.order_seed, slot.network.n_images)
        self.clean, self.clean_nulled = weights, np.zeros(0, np.bool_)
        self.n_weights, self.parts = len(weights), ()
        if task.encoding != FLOAT32:
            self._encode(weights)
        network = slot.network
        changes = min(1.0, sum(part.change_bound for part in self.parts))  # any part: at most the sum
        self.facts = TaskFacts(task.id, task.text, network.n_images, network.blocks, len(weights), changes)
        self.clean_nulls = int(np.count_nonzero(self.clean_nulled))
        self._clean_counts = slot.clean_counts.setdefault((task.encoding, task.range_scope, task.order_seed), {})

    def _encode(self, weights: NDArray[np.float32]) -> None:
        task, tensors = self.task, self.slot.network.tensors
        self.encoding = make_encoding(task.encoding)
        self.ranges = Ranges.of(weights, tensors, scope=task.range_scope)
        words = self.ranges.encode(self.encoding, weights)
        how = {"tensors": tensors, "backend": self.backend, "reads": self._reads}
        parts = parts_of(task, tensors, width=self.encoding.width)
        self.parts = tuple(StoredPart(part, words, **how) for part in parts)
        self.clean, self.clean_nulled = self.ranges.decode(self.encoding, self.read_all())

    @property
    def _reads(self) -> int:
        """How often a trial reads the weights with errors of their own."""
        return self.slot.network.blocks if self.task.per_read_fraction else 1

    def read(self, weights: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Return the words (uint32) of ``weights`` (int64[k], sorted) as they are stored now, joined from all parts."""
        return reduce(np.bitwise_or, (part.read(weights) for part in self.parts))

    def read_all(self) -> NDArray[np.uint32]:
        """Return the words (uint32[n]) of all weights as they are stored now."""
        return reduce(np.bitwise_or, (part.read_all(self.n_weights) for part in self.parts))

    def load(self) -> None:
        """Put the clean weights into the network, unless they are there."""
        if self.slot.holder is not self:
            self.slot.holder = None
            self.slot.network.flat.numpy()[:] = self.clean
            self.slot.holder = self

    def clean_count(self, block: int) -> int:
        """Return the images of ``block`` that are right without any flip; the network must be clean.

        Counted once for all tasks that store the weights alike, whatever their device: rows read with ECC are many.
        """
        if block not in self._clean_counts:
            self._clean_counts[block] = self.correct(block)
        return self._clean_counts[block]

    def correct(self, block: int) -> int:
        """Return the images of ``block`` that are right, whatever the network holds in the layers that meet errors."""
        return self.slot.network.correct(block, self.order, prefix=self._prefix)

    @cached_property
    def _prefix(self) -> "Prefix | None":
        """The layers before the first that meets errors. None where all may: their first nearly always does."""
        return self.slot.network.prefix(self.task.layers, self.clean) if self.task.layers else None

    def decode(self, index: NDArray[np.int64]) -> Decoded:
        """Return what the weights ``index`` (int64[k], sorted) are now."""
        return self.ranges.decode(self.encoding, self.read(index), index)
