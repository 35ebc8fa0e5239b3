"""A task made ready to run: the stored image, the clean weights, the sampler's tables, the code."""

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nvmsim.accuracy.change_bound import change_bound
from nvmsim.accuracy.exposure import Exposure
from nvmsim.accuracy.flip_source import FlipSource, rates_by_class, split
from nvmsim.accuracy.page_places import PagePlaces
from nvmsim.accuracy.ranges import Ranges
from nvmsim.accuracy.records import TaskFacts
from nvmsim.accuracy.task import FLOAT32, Task
from nvmsim.device.codewords import CodewordMap
from nvmsim.device.ecc import Ecc, make_ecc
from nvmsim.device.layout import MemoryImage
from nvmsim.encoding.base import Decoded
from nvmsim.encoding.spec import make_encoding
from nvmsim.inject.backend import Backend, FlipTarget, image_order
from nvmsim.inject.sampler import rung_for
from nvmsim.inject.stuck import StuckCells, stuck_cells

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
    """A task ready to run: the stored image, the clean decoded weights, the sampler's tables and the code.

    ``weights`` are the network's own, float32[n]. Raises InputError if the task does not fit them.
    """

    def __init__(self, task: Task, weights: NDArray[np.float32], *, slot: Slot, backend: Backend) -> None:
        self.task, self.slot, self.backend = task, slot, backend
        self.order = image_order(task.order_seed, slot.network.n_images)
        self.clean, self.clean_nulled = weights, np.zeros(0, np.bool_)
        self.image: MemoryImage | None = None
        if task.encoding != FLOAT32:
            self._encode(weights)
        network = slot.network
        self.facts = TaskFacts(task.id, task.text, network.n_images, network.blocks, len(weights), self._change_bound())
        self.clean_nulls = int(np.count_nonzero(self.clean_nulled))
        self._clean_counts = slot.clean_counts.setdefault((task.encoding, task.range_scope, task.order_seed), {})

    def _encode(self, weights: NDArray[np.float32]) -> None:
        self.encoding = make_encoding(self.task.encoding)
        self.ranges = Ranges.of(weights, self.slot.network.tensors, scope=self.task.range_scope)
        words = self.ranges.encode(self.encoding, weights)
        self.image = MemoryImage.build(words, width=self.encoding.width, layout=self.task.layout)
        self.exposure = Exposure.of(self.task, self.image, self.slot.network.tensors)
        self.clean, self.clean_nulled = self.ranges.decode(self.encoding, self.image.read(slice(None)))

    @cached_property
    def ecc(self) -> Ecc | None:
        """The code, None where reads are not corrected."""
        return None if self.task.ecc is None else make_ecc(self.task.ecc)

    @cached_property
    def target(self) -> FlipTarget:
        """The image as the sampler sees it."""
        layout = self.task.layout
        return FlipTarget(
            buffer=self.image.buffer,
            pages=self.image.pages,
            page_bits=layout.page_bits,
            usable_bits=layout.usable_bits,
            word_bits=self.image.word_bits,
            channels=self.image.stripe_groups,
            planes_per_die=layout.planes_per_die,
            page_types=layout.page_types,
            scrambler=layout.scrambler,
        )

    @cached_property
    def places(self) -> PagePlaces:
        """Where the pages of the image lie, and so which class each has, whose factor its rates have."""
        return PagePlaces(self.task, self.image.pages)

    @cached_property
    def stuck(self) -> StuckCells | None:
        """The stuck cells of the device that the image lies on, None if it has none."""
        if self.task.stuck is None:
            return None
        return stuck_cells(self.backend, self.target, **asdict(self.task.stuck), device_seed=self.task.device_seed)

    def sources(self, attempt: int = 0) -> tuple[FlipSource, FlipSource | None]:
        """Return what a read attempt's stored flips are drawn from, and those of each read (None: there are none).

        Attempt 0 is the first; the stored errors of later ones are among its own.
        """
        task, bits = self.task, self.task.layout.page_bits
        rates = rates_by_class(task.rates_at(attempt), self.places.classes.factors)
        stored, fresh = split(rates, task.per_read_fraction)
        source = FlipSource.of(stored, page_bits=bits, rung_rber=task.rung_rber)
        if not task.per_read_fraction:
            return source, None
        return source, FlipSource.of(fresh, page_bits=bits, rung_rber=rung_for(float(fresh.max())))

    def _change_bound(self) -> float:
        if self.image is None:
            return 0.0
        reads = self.slot.network.blocks if self.task.per_read_fraction else 1
        where = {"pages": self.image.pages, "bits": self.exposure.n_bits, "stuck": self._stuck_errors()}
        return change_bound(self.task, ecc=self.ecc, reads=reads, **where)

    def _stuck_errors(self) -> NDArray[np.int64]:
        """Count the errors by stuck cells: of each codeword that has any or, where nothing is corrected, in all."""
        wrong = np.zeros(0, np.uint64) if self.stuck is None else self.exposure.keep(self.stuck.wrong)
        if self.task.ecc is None or not wrong.size:
            return np.full(min(wrong.size, 1), wrong.size)
        ecc = self.task.ecc
        words = CodewordMap.of(self.task.layout, codeword_bytes=ecc.codeword_bytes, parity_bytes=ecc.parity_bytes)
        return np.unique(words.locate(wrong)[1], return_counts=True)[1]

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

    def flip(self, addresses: NDArray[np.uint64]) -> None:
        """Flip bits of the stored image, in place; the same again undoes it."""
        layout = self.task.layout
        self.backend.apply(self.image.buffer, addresses, word_bits=self.image.word_bits, usable_bits=layout.usable_bits)

    def decode(self, index: NDArray[np.int64]) -> Decoded:
        """Return what the weights ``index`` (int64[k], sorted) are now."""
        return self.ranges.decode(self.encoding, self.image.read(index), index)
