"""Photographs of any size, in a user's own copy: which files they are, and how they become images of one size."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image, ImageOps

from nvmsim.errors import InputError
from nvmsim.zoo.files import USER
from nvmsim.zoo.inputs import Photographs
from nvmsim.zoo.progress import progress
from nvmsim.zoo.samples import ByteImages, Samples
from nvmsim.zoo.tree import tree_sha256

_FORMATS = ("JPEG", "PNG", "WEBP")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
# One in ten of a class is for testing where a copy is not split: assumption, Kaggle's own test set has no labels.
_TEST_SHARE = 10


@dataclass(frozen=True)
class Photos:
    """A data set that every user has an own copy of, below ``NVMSIM_DATA``, in one of two layouts.

    Either ``FOLDER/SPLIT/LABEL/*.jpg``, or all in ``FOLDER/train`` as ``LABEL.NUMBER.jpg``, of which the last tenth
    of each class, by number, is the test set. As any copy will do, its checksum is that of its files.
    """

    downloadable: ClassVar[bool] = False
    name: str
    terms: str
    folder: str
    labels: tuple[str, ...]
    page: str
    splits: tuple[str, ...] = ("train", "test")

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.labels)

    def card_input(self, section: object, folder: Path) -> Photographs:
        """Check the ``input`` of a card in ``folder``; raise InputError with every problem."""
        return Photographs.from_card(section, channels=3)

    def load(self, split: str, given: Photographs) -> Samples:
        """Return the samples of ``split``, sorted by class and then by file name; raise InputError."""
        files = self.files(split)
        values = np.empty((len(files), 3, given.size_px, given.size_px), np.uint8)

        def read(k: int) -> None:
            values[k] = read_photo(files[k][0], given.size_px)

        if problems := _for_each(read, len(files), desc=f"{self.name} {split}"):
            raise InputError(list(problems.values()))
        labels = np.array([label for _, label in files], np.int64)
        return Samples(ByteImages(values, mean=given.mean, std=given.std), labels)

    def files(self, split: str) -> list[tuple[Path, int]]:
        """Return (path, class) of each photograph of ``split``; raise InputError if a class has none."""
        found = self._found(split)
        if problem := self._absence(found, split):
            raise InputError(problem)
        return [(path, k) for k, paths in enumerate(found) for path in paths]

    def sha256(self, split: str) -> str:
        """Return one checksum for the names and contents of the user's files; raise InputError if there are none."""
        return tree_sha256((path.relative_to(_root(self.folder)).as_posix(), path.read_bytes())
                           for path, _ in self.files(split))  # fmt: skip

    def size_bytes(self, split: str) -> int | None:
        """Return the size of the user's files, None if there are none."""
        return sum(path.stat().st_size for paths in self._found(split) for path in paths) or None

    def count(self, split: str) -> int | None:
        """Return the number of the user's photographs, None if there are none."""
        return sum(map(len, self._found(split))) or None

    def where(self, split: str) -> list[str]:
        """Return the one kind of place there is, in a list; none if a class has no photograph."""
        return [USER] if all(self._found(split)) else []

    def fetch(self, split: str) -> list[Path]:
        """Return the user's folder; raise InputError saying where photographs are to be had if it has none."""
        self.files(split)
        return [_root(self.folder)]

    def check(self, split: str) -> dict[Path, list[str]]:
        """Return what is wrong with the folder, and with each photograph that cannot be decoded."""
        found = self._found(split)
        paths = [path for part in found for path in part]
        if not paths:
            return {}
        absent = self._absence(found, split)
        problems = _for_each(lambda k: read_photo(paths[k], size_px=1), len(paths), desc=f"{self.name} {split}")
        return {_root(self.folder) / split: [absent] if absent else [],
                **{paths[k]: [problem] for k, problem in problems.items()}}  # fmt: skip

    def _found(self, split: str) -> list[list[Path]]:
        """Return the photographs of each class."""
        root = _root(self.folder)
        if any((root / part / label).is_dir() for part in self.splits for label in self.labels):
            return [sorted(_photos(root / split / label)) for label in self.labels]
        return [_share(_numbered(root / "train", label), split) for label in self.labels]

    def _absence(self, found: Sequence[Sequence[Path]], split: str) -> str | None:
        empty = [label for label, paths in zip(self.labels, found, strict=True) if not paths]
        if not empty:
            return None
        return (f"data set {self.name}: no photographs of {' and '.join(empty)} to {split} with; get them from "
                f"{self.page}, lay them out as {self._layout()}, and set {USER}=DIR")  # fmt: skip

    def _layout(self) -> str:
        one = " and ".join(f"DIR/{self.folder}/{split}/{{{','.join(self.labels)}}}/*.jpg" for split in self.splits)
        return f"{one} (or all as DIR/{self.folder}/train/{self.labels[0]}.0.jpg, ...)"


def read_photo(path: Path, size_px: int) -> np.ndarray:
    """Return a photograph as uint8 [3, ``size_px``, ``size_px``]: its central square, resized bilinearly.

    Raises InputError if it is no whole JPEG, PNG or WebP file.
    """
    try:
        with Image.open(path, formats=_FORMATS) as photo:
            square = ImageOps.fit(photo.convert("RGB"), (size_px, size_px), Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable photograph ({error})") from error
    return np.asarray(square).transpose(2, 0, 1)


def _root(folder: str) -> Path:
    # An unset NVMSIM_DATA gives a folder that cannot exist.
    return Path(os.environ.get(USER) or os.devnull) / folder


def _photos(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("[!.]*") if path.suffix.lower() in _SUFFIXES)


def _numbered(folder: Path, label: str) -> list[Path]:
    pattern = re.compile(rf"{re.escape(label)}\.(\d+)")
    return sorted((path for path in _photos(folder) if pattern.fullmatch(path.stem)),
                  key=lambda path: (int(pattern.fullmatch(path.stem)[1]), path.name))  # fmt: skip


def _share(paths: Sequence[Path], split: str) -> list[Path]:
    cut = len(paths) - len(paths) // _TEST_SHARE
    return list(paths[cut:] if split == "test" else paths[:cut])


def _for_each(work: Callable[[int], None], count: int, *, desc: str) -> dict[int, str]:
    """Call ``work(k)`` for each k below ``count``, in threads, and return what was wrong with which."""

    def problem(k: int) -> str | None:
        try:
            work(k)
        except InputError as error:
            return str(error)
        return None

    with ThreadPoolExecutor() as pool, progress(desc=desc, total=count, unit="image") as bar:
        found = {}
        for k, said in enumerate(pool.map(problem, range(count))):
            bar.update()
            if said:
                found[k] = said
        return found
