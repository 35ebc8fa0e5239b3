"""Movie reviews: a tree of text files, one a review, and the words that an embedding has rows for."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np

from nvmsim.errors import InputError
from nvmsim.zoo.checkpoint import write_whole
from nvmsim.zoo.files import Source, cache_folder, copies, unpack
from nvmsim.zoo.inputs import Text
from nvmsim.zoo.prepared import prepared
from nvmsim.zoo.progress import progress
from nvmsim.zoo.samples import Samples
from nvmsim.zoo.tree import tree_sha256
from nvmsim.zoo.words import encode, rank_words, words_file

LABELS = ("neg", "pos")
_FILE = re.compile(r"\d+_\d+\.txt")
# The longest review has 13,704 bytes.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Tree:
    """The files of one split: their number and total size, and :func:`tree_sha256` of their names and contents."""

    files: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Reviews:
    """A data set of reviews in the folders ``SPLIT/neg`` (class 0) and ``SPLIT/pos`` (1), as ``ID_RATING.txt``."""

    downloadable: ClassVar[bool] = True
    name: str
    terms: str
    source: Source
    splits: Mapping[str, Tree]
    classes: int = 2

    def card_input(self, section: object, folder: Path) -> Text:
        """Check the ``input`` of a card in ``folder``; raise InputError with every problem."""
        return Text.from_card(section, folder)

    def load(self, split: str, given: Text) -> Samples:
        """Return the samples of ``split``, int64 [n, length], sorted by class and then by file name.

        What takes seconds is kept in the cache folder for other processes, and then needs the reviews no more.
        """
        decides = json.dumps([self.sha256(split), *given.identity])
        table = prepared(hashlib.sha256(decides.encode()).hexdigest(), lambda: self._encode(split, given))
        return Samples(table[:, 1:].astype(np.int64), table[:, 0].astype(np.int64))

    def sha256(self, split: str) -> str:
        """Return the published reviews' checksum."""
        return self.splits[split].sha256

    def size_bytes(self, split: str) -> int:
        """Return the size of all reviews of ``split``."""
        return self.splits[split].size_bytes

    def count(self, split: str) -> int:
        """Return the number of reviews of ``split``."""
        return self.splits[split].files

    def where(self, split: str) -> list[str]:
        """Return the kind of place that loading would take the reviews from, in a list; none if not here."""
        return [kind for kind, _ in copies(self.source.folder, split)][:1]

    def fetch(self, split: str) -> list[Path]:
        """Return the verified folder, downloaded into the cache if it is not here; raise InputError."""
        folder = self._folder(split)
        self._verified(split, folder)
        return [folder]

    def check(self, split: str) -> dict[Path, list[str]]:
        """Return what is wrong with each copy that is here."""
        found = {}
        for _, folder in copies(self.source.folder, split):
            try:
                self._verified(split, folder)
                found[folder] = []
            except InputError as error:
                found[folder] = list(error.problems)
        return found

    def write_words(self, path: Path, rows: int = 5000) -> None:
        """Write the words file of a card: the most frequent words of the training reviews, ``rows`` lines in all.

        Raises InputError if ``path`` exists, or the reviews are not to be had.
        """
        if path.exists():
            raise InputError(f"{path}: exists; a trained embedding may depend on it, so it is not written anew")
        reviews = self._verified("train", self._folder("train"))
        write_whole(path, words_file(rank_words((text.decode() for _, text in reviews), rows)))

    def _folder(self, split: str) -> Path:
        here = next(copies(self.source.folder, split), None)
        if here is None:
            self._unpack()
        return here[1] if here else cache_folder() / self.source.folder / split

    def _verified(self, split: str, folder: Path) -> list[tuple[str, bytes]]:
        files, published = list(_read(folder)), self.splits[split]
        found = tree_sha256(files)
        if found != published.sha256:
            raise InputError(f"{folder}: damaged or not the published reviews: {len(files)} files with sha256 {found}, "
                             f"published are {published.files} files with sha256 {published.sha256}")  # fmt: skip
        return files

    def _encode(self, split: str, given: Text) -> np.ndarray:
        """Return uint16 [n, 1 + length]: class and rows of each review."""
        reviews, rows = self._verified(split, self._folder(split)), given.rows()
        table = np.empty((len(reviews), 1 + given.length), np.uint16)
        with progress(desc=f"{self.name} {split}", total=len(reviews), unit="review") as bar:
            for line, (name, text) in zip(table, reviews, strict=True):
                line[0] = LABELS.index(name.partition("/")[0])
                line[1:] = encode(text.decode(), rows, given.length)
                bar.update()
        return table

    def _unpack(self) -> None:
        """Write the archive's reviews beside the cache's, and put each split in its place when all is there."""
        folder = self.source.folder
        wanted = re.compile(rf"{re.escape(folder)}/({'|'.join(self.splits)})/({'|'.join(LABELS)})/{_FILE.pattern}")
        target = cache_folder() / folder
        try:
            target.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=cache_folder(), prefix=f".{folder}-") as part:
                for name, content in unpack(self.source, wanted.fullmatch, most_bytes=_MOST_BYTES):
                    path = Path(part) / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                for split in self.splits:
                    self._verified(split, Path(part) / folder / split)
                    if not (target / split).exists():
                        (Path(part) / folder / split).rename(target / split)
        except OSError as error:
            raise InputError(f"{target}: cannot be written ({error.strerror or error})") from error


def _read(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (name below ``folder``, content) of each review, sorted by name."""
    for label in LABELS:
        inside = folder / label
        for name in sorted(path.name for path in inside.glob("*.txt") if _FILE.fullmatch(path.name)):
            yield f"{label}/{name}", (inside / name).read_bytes()
