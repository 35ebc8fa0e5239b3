"""Find a data set's files: where the user says, bundled, in the cache, or by a verified download."""

import hashlib
import os
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.zoo.checkpoint import write_whole

_TIMEOUT_S = 30


@dataclass(frozen=True)
class DataFile:
    """One published file: its name, size and checksum, and whether it comes with nvmsim."""

    name: str
    size_bytes: int
    sha256: str
    bundled: bool = False


@dataclass(frozen=True)
class Source:
    """Where a data set is published: folder name (below ``NVMSIM_DATA`` too), files, and base addresses to try."""

    folder: str
    files: tuple[DataFile, ...]
    urls: tuple[str, ...]

    def file(self, name: str) -> DataFile:
        """Return the file called ``name``."""
        return next(file for file in self.files if file.name == name)


def cache_folder() -> Path:
    """Return the folder for downloads: ``$XDG_CACHE_HOME/nvmsim`` or ``~/.cache/nvmsim``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nvmsim"


def locate(source: Source, name: str) -> Path:
    """Return the path of a file of ``source``, verified against its published checksum.

    ``NVMSIM_DATA``, if set, is the first place to look; then the bundled files, the cache, and a download into the
    cache: the same bytes wherever they come from. Raises InputError if a file there is damaged (nothing else is
    taken in its place) or none is to be had.
    """
    file = source.file(name)
    for path in _places(source, file):
        if path.exists():
            _verify(path.read_bytes(), file, path)
            return path
    return download(source, file, cache_folder() / source.folder / file.name)


def _places(source: Source, file: DataFile) -> Iterable[Path]:
    if user := os.environ.get("NVMSIM_DATA"):
        yield Path(user) / source.folder / file.name
    if file.bundled:
        yield bundled("models") / "data" / source.folder / file.name
    yield cache_folder() / source.folder / file.name


def _verify(content: bytes, file: DataFile, where: object) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise InputError(f"{where}: damaged or not the published file: {len(content)} bytes with sha256 {found}, "
                         f"published are {file.size_bytes} bytes with sha256 {file.sha256}")  # fmt: skip


def download(source: Source, file: DataFile, target: Path) -> Path:
    """Fetch ``file`` to ``target`` from the first address that has it; what fails its checksum is not kept.

    Raises InputError, naming each address and ``NVMSIM_DATA``, if none of them gives the published file.
    """
    problems = []
    for base in source.urls:
        url = base + file.name
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
                content = answer.read(file.size_bytes + 1)
            _verify(content, file, url)
        except InputError as error:
            problems += error.problems
        except (OSError, HTTPException, ValueError) as error:
            problems.append(f"{url}: {getattr(error, 'reason', error)}")
        else:
            write_whole(target, content)
            return target
    raise InputError([
        f"data set {source.folder}: {file.name} is not here and could not be downloaded; "
        f"put it into DIR/{source.folder}/ and set NVMSIM_DATA=DIR", *problems])  # fmt: skip
