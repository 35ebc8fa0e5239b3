"""The data sets: where their files are published, and how they become arrays."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nvmsim.errors import InputError
from nvmsim.zoo.files import DataFile, Source, locate
from nvmsim.zoo.idx import read_idx


class Samples(NamedTuple):
    """Images, float32 [n, channels, height, width], and their classes, int64 [n]."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """A published data set of idx files: which file is the images and which the labels of a split."""

    name: str
    source: Source
    classes: int
    shape: tuple[int, int, int]
    splits: dict[str, tuple[str, str]]


# The sha256 are of the files whose md5 are the published ones (f68b3c2d..., d53e105e..., 9fb629c4..., ec29112d...).
# The first address is the one that torchvision's MNIST asks first; the second is the publishers' own page.
MNIST = Dataset(
    name="mnist",
    classes=10,
    shape=(1, 28, 28),
    splits={
        "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
    },
    source=Source(
        folder="mnist",
        urls=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        files=(
            DataFile(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            DataFile(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            DataFile(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                bundled=True,
            ),
            DataFile(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                bundled=True,
            ),
        ),
    ),
)

DATASETS = {dataset.name: dataset for dataset in (MNIST,)}


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

    Raises InputError if the files are missing or damaged.

    >>> images, labels = test_set("mnist")
    >>> images.shape, images.dtype.name, float(images.max()), labels[:3].tolist()
    ((10000, 1, 28, 28), 'float32', 1.0, [7, 2, 1])
    """
    return _load(dataset(name), "test", mean, std)


def train_set(name: str, *, mean: Sequence[float] = (0.0,), std: Sequence[float] = (1.0,)) -> Samples:
    """Return the training set, as :func:`test_set` does; it is not bundled, so it may be downloaded once."""
    return _load(dataset(name), "train", mean, std)


def data_sha256(name: str, split: str = "test") -> str:
    """Return one checksum for the published files of a split; loading verifies each of them.

    >>> data_sha256("mnist")[:8]
    '98557a76'
    """
    found = dataset(name)
    sums = {file: found.source.file(file).sha256 for file in found.splits[split]}
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


def _load(found: Dataset, split: str, mean: Sequence[float], std: Sequence[float]) -> Samples:
    images, labels = (read_idx(locate(found.source, file)) for file in found.splits[split])
    pixels = images.reshape(-1, *found.shape).astype(np.float32) / np.float32(255)
    shift, scale = (np.asarray(value, np.float32).reshape(-1, 1, 1) for value in (mean, std))
    return Samples((pixels - shift) / scale, labels.astype(np.int64))
