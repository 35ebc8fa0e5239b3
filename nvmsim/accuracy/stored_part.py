"""A part of a model in pages of its own: the stored image, the sampler's tables, the stuck cells, the code."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nvmsim.accuracy.change_bound import change_bound
from nvmsim.accuracy.exposure import Exposure
from nvmsim.accuracy.flip_source import FlipSource, rates_by_class, split
from nvmsim.accuracy.page_places import PagePlaces
from nvmsim.accuracy.part import Part
from nvmsim.accuracy.ranges import Placed
from nvmsim.device.codewords import CodewordMap
from nvmsim.device.ecc import Ecc, make_ecc
from nvmsim.device.memory_image import MemoryImage
from nvmsim.inject.backend import Backend, FlipTarget
from nvmsim.inject.sampler import rung_for
from nvmsim.inject.stuck import StuckCells, stuck_cells


class StoredPart:
    """A part of a model as its pages hold it, and all that can happen to these.

    ``words`` are those of the whole model, uint32[n]. Raises InputError if errors are to meet what is not there.
    """

    def __init__(
        self, part: Part, words: NDArray[np.uint32], *, tensors: Sequence[Placed], backend: Backend, reads: int
    ) -> None:
        self.part, self.task, self.backend = part, part.task, backend
        how = {"width": len(part.bits), "layout": part.layout, "first": part.first}
        self.image = MemoryImage.build(part.words_of(words), **how)
        self.exposure = Exposure.of(self.task, self.image, tensors)
        self.change_bound = self._change_bound(reads)

    @cached_property
    def ecc(self) -> Ecc | None:
        """The code, None where reads are not corrected."""
        return None if self.task.ecc is None else make_ecc(self.task.ecc)

    @cached_property
    def target(self) -> FlipTarget:
        """The image as the sampler sees it."""
        layout = self.part.layout
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
        task, bits = self.task, self.part.layout.page_bits
        rates = rates_by_class(task.rates_at(attempt), self.places.classes.factors)
        stored, fresh = split(rates, task.per_read_fraction)
        source = FlipSource.of(stored, page_bits=bits, rung_rber=task.rung_rber)
        if not task.per_read_fraction:
            return source, None
        return source, FlipSource.of(fresh, page_bits=bits, rung_rber=rung_for(float(fresh.max())))

    def flip(self, addresses: NDArray[np.uint64]) -> None:
        """Flip bits of the image, in place; the same again undoes it."""
        usable_bits = self.part.layout.usable_bits
        self.backend.apply(self.image.buffer, addresses, word_bits=self.image.word_bits, usable_bits=usable_bits)

    def holding_data(self, addresses: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return those of the ``addresses`` that hold weights, and the model's weights (sorted, each once) there."""
        stream = self.part.layout.to_stream(addresses)
        here = (stream >= 0) & (stream < self.image.n_bits)
        return addresses[here], self.part.weights_of(self.image.weights_at(stream[here]))

    def read(self, weights: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Return the words (uint32) of the model's ``weights`` (int64, sorted), zeros where others hold the bits."""
        inside, stored = self.part.stored_of(weights)
        words = np.zeros(len(weights), np.uint32)
        words[inside] = self.part.spread(self.image.read(stored))
        return words

    def read_all(self, n_weights: int) -> NDArray[np.uint32]:
        """Return the same for all ``n_weights`` of the model."""
        return self.part.placed(self.image.read(slice(None)), n_weights)

    def _change_bound(self, reads: int) -> float:
        where = {"pages": self.image.pages, "bits": self.exposure.n_bits, "stuck": self._stuck_errors()}
        return change_bound(self.task, ecc=self.ecc, reads=reads, **where)

    def _stuck_errors(self) -> NDArray[np.int64]:
        """Count the errors by stuck cells: of each codeword that has any or, where nothing is corrected, in all."""
        wrong = np.zeros(0, np.uint64) if self.stuck is None else self.exposure.keep(self.stuck.wrong)
        if self.task.ecc is None or not wrong.size:
            return np.full(min(wrong.size, 1), wrong.size)
        ecc = self.task.ecc
        words = CodewordMap.of(self.part.layout, codeword_bytes=ecc.codeword_bytes, parity_bytes=ecc.parity_bytes)
        return np.unique(words.locate(wrong)[1], return_counts=True)[1]
