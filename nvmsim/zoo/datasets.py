"""The data sets: where their files are published, and how they become arrays."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nvmsim.errors import InputError
from nvmsim.zoo.archive import Archive
from nvmsim.zoo.cifar import read_cifar
from nvmsim.zoo.files import DataFile, Source, locate
from nvmsim.zoo.idx import read_pair


class Samples(NamedTuple):
    """Images, float32 [n, channels, height, width], and their classes, int64 [n]."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Dataset:
    """A published data set of images: the files of each split, and what reads them as uint8 images and labels."""

    name: str
    source: Source
    classes: int
    shape: tuple[int, int, int]
    splits: dict[str, tuple[str, ...]]
    read: Callable[[Sequence[Path]], tuple[np.ndarray, np.ndarray]]


# The sha256 are of the files whose md5 are the published ones (f68b3c2d..., d53e105e..., 9fb629c4..., ec29112d...).
# The first address is the one that torchvision's MNIST asks first; the second is the publishers' own page.
MNIST = Dataset(
    name="mnist",
    classes=10,
    shape=(1, 28, 28),
    read=read_pair,
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

# The md5 and the address are the publishers'. The sha256 are of binary files rebuilt from the pixels and labels of the
# python version, whose batches matched their published md5.
CIFAR_10 = Dataset(
    name="cifar-10",
    classes=10,
    shape=(3, 32, 32),
    read=read_cifar,
    splits={"train": tuple(f"data_batch_{k}.bin" for k in range(1, 6)), "test": ("test_batch.bin",)},
    source=Source(
        folder="cifar-10-batches-bin",
        urls=("https://www.cs.toronto.edu/~kriz/",),
        archive=Archive("cifar-10-binary.tar.gz", 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530"),
        files=tuple(
            DataFile(name, 30_730_000, sha256)
            for name, sha256 in (
                ("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
                ("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
                ("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
                ("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
                ("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
                ("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
            )
        ),
    ),
)

DATASETS = {dataset.name: dataset for dataset in (MNIST, CIFAR_10)}


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
    images, labels = found.read([locate(found.source, file) for file in found.splits[split]])
    pixels = images.reshape(-1, *found.shape).astype(np.float32)
    shift, scale = (np.asarray(value, np.float32).reshape(-1, 1, 1) for value in (mean, std))
    # In place: the training images of CIFAR-10 are 0.6 GB.
    pixels /= np.float32(255)
    pixels -= shift
    pixels /= scale
    return Samples(pixels, labels.astype(np.int64))
