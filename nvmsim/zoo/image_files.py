"""Data sets of images of one size in a few published files."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from nvmsim.errors import InputError
from nvmsim.zoo.files import Source, copies, locate
from nvmsim.zoo.inputs import Pixels
from nvmsim.zoo.samples import ByteImages, Samples


@dataclass(frozen=True)
class ImageFiles:
    """A data set: the files of each split, how many ``samples`` they hold, and what ``read`` makes of their paths.

    ``shape`` is [channels, height, width]; ``read`` gives images and labels, uint8; ``terms`` is the licence.
    """

    downloadable: ClassVar[bool] = True
    name: str
    terms: str
    source: Source
    classes: int
    shape: tuple[int, int, int]
    splits: Mapping[str, tuple[str, ...]]
    samples: Mapping[str, int]
    read: Callable[[Sequence[Path]], tuple[np.ndarray, np.ndarray]]

    def card_input(self, section: object, folder: Path) -> Pixels:
        """Check the ``input`` of a card in ``folder``; raise InputError with every problem."""
        return Pixels.from_card(section, self.shape[0])

    def load(self, split: str, given: Pixels) -> Samples:
        """Return the samples of ``split``, float32, in the published order."""
        images, labels = self.read(self.fetch(split))
        pixels = ByteImages(images.reshape(-1, *self.shape), mean=given.mean, std=given.std)
        return Samples(pixels[:], labels.astype(np.int64))

    def sha256(self, split: str) -> str:
        """Return one checksum for the published files of ``split``; loading verifies each of them."""
        sums = {name: self.source.file(name).sha256 for name in self.splits[split]}
        return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()

    def size_bytes(self, split: str) -> int:
        """Return the size of the published files of ``split``."""
        return sum(self.source.file(name).size_bytes for name in self.splits[split])

    def count(self, split: str) -> int:
        """Return the number of samples of ``split``."""
        return self.samples[split]

    def where(self, split: str) -> list[str]:
        """Return the kinds of places that loading would take the files from, none if one of them is not here."""
        first = [next(self._copies(name), None) for name in self.splits[split]]
        return [] if None in first else sorted({kind for kind, _ in first})

    def fetch(self, split: str) -> list[Path]:
        """Return the verified files, downloaded into the cache if they are not here; raise InputError."""
        return [locate(self.source, name) for name in self.splits[split]]

    def check(self, split: str) -> dict[Path, list[str]]:
        """Return what is wrong with each copy that is here."""
        found = {}
        for name in self.splits[split]:
            for _, path in self._copies(name):
                try:
                    self.source.file(name).verify(path.read_bytes(), path)
                    found[path] = []
                except InputError as error:
                    found[path] = list(error.problems)
        return found

    def _copies(self, name: str) -> Iterator[tuple[str, Path]]:
        return copies(self.source.folder, name, in_package=self.source.file(name).bundled)
