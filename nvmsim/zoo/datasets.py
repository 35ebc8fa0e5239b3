"""The register of data sets, and the two ways to get their samples."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from nvmsim.errors import InputError
from nvmsim.zoo.image_files import ImageFiles
from nvmsim.zoo.inputs import Photographs, Pixels, Text
from nvmsim.zoo.published import CATS_DOGS, CIFAR_10, IMDB, MNIST
from nvmsim.zoo.samples import Samples

__all__ = ["DATASETS", "MNIST", "Dataset", "Input", "Samples", "data_sha256", "dataset", "test_set", "train_set"]

Input = Pixels | Photographs | Text


class Dataset(Protocol):
    """What every data set has; ``splits`` holds the names "train" and "test", ``terms`` the licence."""

    downloadable: ClassVar[bool]
    name: str
    terms: str
    classes: int
    splits: Iterable[str]

    def card_input(self, section: object, folder: Path) -> Input:
        """Check the ``input`` of a card in ``folder``; raise InputError with every problem."""

    def load(self, split: str, given: Input) -> Samples:
        """Return the verified samples of ``split``, always in the same order; raise InputError."""

    def sha256(self, split: str) -> str:
        """Return one checksum for the files of ``split``."""

    def count(self, split: str) -> int | None:
        """Return the number of samples of ``split``, None if only a copy could tell and none is here."""

    def size_bytes(self, split: str) -> int | None:
        """Return the size of the files of ``split``, None as for ``count``."""

    def where(self, split: str) -> list[str]:
        """Return the kinds of places that loading would take the files from; none if it had to download."""

    def fetch(self, split: str) -> list[Path]:
        """Return where the verified files lie, after downloading what is not here; raise InputError."""

    def check(self, split: str) -> dict[Path, list[str]]:
        """Return what is wrong with each copy that is here: an empty list for a good one."""


DATASETS: dict[str, Dataset] = {found.name: found for found in (MNIST, CIFAR_10, IMDB, CATS_DOGS)}


def dataset(name: str) -> Dataset:
    """Return the data set called ``name``; raise InputError with the known names if there is none.

    >>> dataset("mnist").classes
    10
    """
    if name not in DATASETS:
        raise InputError(f"data set {name!r}: unknown; known are {', '.join(sorted(DATASETS))}")
    return DATASETS[name]


def test_set(name: str, *, mean: Sequence[float] = (0.0,), std: Sequence[float] = (1.0,)) -> Samples:
    """Return the test set: pixels as (value / 255 − ``mean``) / ``std``, one mean and std a channel.

    Raises InputError if the files are missing or damaged, or the data set is not one of images of one size: those
    depend on more than this, which a card says (:meth:`nvmsim.zoo.card.Card.test_set`).

    >>> images, labels = test_set("mnist")
    >>> images.shape, images.dtype.name, float(images.max()), labels[:3].tolist()
    ((10000, 1, 28, 28), 'float32', 1.0, [7, 2, 1])
    """
    return _images(name).load("test", Pixels(tuple(mean), tuple(std)))


def train_set(name: str, *, mean: Sequence[float] = (0.0,), std: Sequence[float] = (1.0,)) -> Samples:
    """Return the training set, as :func:`test_set` does; it is not bundled, so it may be downloaded once."""
    return _images(name).load("train", Pixels(tuple(mean), tuple(std)))


def data_sha256(name: str, split: str = "test") -> str:
    """Return one checksum for the files of a split; loading verifies published ones.

    >>> data_sha256("mnist")[:8]
    '98557a76'
    """
    return dataset(name).sha256(split)


def _images(name: str) -> ImageFiles:
    found = dataset(name)
    if not isinstance(found, ImageFiles):
        raise InputError(
            f"data set {name}: has no images of one size; a card says what becomes of it (card.test_set())"
        )
    return found
