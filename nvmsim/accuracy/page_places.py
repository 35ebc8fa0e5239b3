"""Which class each page of a stored model has: by the block and the layer that it lies on, and by itself."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nvmsim.device.page_classes import PageClasses, combined_classes
from nvmsim.inject.draws import block_classes, first_word_line, page_classes, trial_offset

if TYPE_CHECKING:
    from nvmsim.accuracy.task import Task


@dataclass(frozen=True, eq=False)
class PagePlaces:
    """The ``pages`` of a task's image on the blocks of its device.

    A plane's pages fill a block after the other. A load starts on another word line of all its blocks in each trial and
    goes on round the block, so that a page keeps its block and meets each layer equally often; the pages of a word line
    are those of its page types, one after the other.
    """

    task: "Task"
    pages: int

    @cached_property
    def classes(self) -> PageClasses:
        """The classes that there are."""
        return combined_classes(self.task.page_sigma, self.task.blocks)

    def at(self, trial: int) -> NDArray[np.int64]:
        """Return the class of each page in a trial, int64[pages]."""
        blocks = self.task.blocks
        if blocks is None or not blocks.layer_factors:
            return self._without_layers
        start = first_word_line(self.task.seed, trial, blocks.word_lines)
        in_plane = np.arange(-(-self.pages // self._planes)) + self.offset(trial)
        layers = blocks.layer_of(in_plane // self.task.layout.page_types + start)
        return self._by_layer[np.repeat(layers, self._planes)[: self.pages], self._block_and_page]

    def offset(self, trial: int) -> int:
        """Return the page type on which a trial's load starts."""
        layout = self.task.layout
        if layout.plane_order:
            return layout.first_type(self.pages)
        return trial_offset(self.task.seed, trial, layout.page_types)

    @property
    def expected(self) -> NDArray[np.float64]:
        """How many pages are of each class, in the mean over trials, float64[classes]."""
        _, shares = self._layers
        places = np.bincount(self._block_and_page, minlength=self._by_layer.shape[1])
        counts = np.multiply.outer(shares, places)
        return np.bincount(self._by_layer.ravel(), counts.ravel(), minlength=len(self.classes.factors))

    @property
    def _layers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.task.blocks.layers if self.task.blocks else (np.ones(1), np.ones(1))

    @property
    def _planes(self) -> int:
        """Pages that follow each other, each on another plane, before the first plane comes again."""
        return self.task.layout.stripe_groups(self.pages) * self.task.layout.planes_per_die

    @cached_property
    def _by_layer(self) -> NDArray[np.int64]:
        """The class by layer, and by what a page has in all trials."""
        by_part = self.classes.by_part
        return by_part.reshape(by_part.shape[0], -1)

    @cached_property
    def _without_layers(self) -> NDArray[np.int64]:
        return self._by_layer[0][self._block_and_page]

    @cached_property
    def _block_and_page(self) -> NDArray[np.int64]:
        """What a page has in all trials: the class of its block and its own."""
        _, of_block, of_page = self.classes.by_part.shape
        return self._blocks(of_block) * of_page + page_classes(self.task.device_seed, self.pages, of_page)

    def _blocks(self, classes: int) -> NDArray[np.int64]:
        if classes == 1:
            return np.zeros(self.pages, np.int64)
        in_plane, plane = np.divmod(np.arange(self.pages), self._planes)
        block = in_plane // self.task.blocks.pages_per_block
        counts = {"blocks": int(block[-1]) + 1 if self.pages else 0, "planes": min(self._planes, self.pages)}
        return block_classes(self.task.device_seed, **counts, classes=classes)[block, plane]
