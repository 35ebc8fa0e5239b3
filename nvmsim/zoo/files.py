"""Find a data set's files: where the user says, bundled, in the cache, or by a verified download."""

import hashlib
import os
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from pathlib import Path

from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.zoo.archive import Archive, members
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
    """Where a data set is published: folder name (below ``NVMSIM_DATA`` too), files, and base addresses to try.

    With an ``archive`` that is what lies at the addresses, and the files are in it, below ``folder``.
    """

    folder: str
    files: tuple[DataFile, ...]
    urls: tuple[str, ...]
    archive: Archive | None = None

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
            _verify(file, path.read_bytes(), path)
            return path
    if source.archive:
        return _from_archive(source, source.archive, file)
    path = cache_folder() / source.folder / file.name
    write_whole(path, download(source, file.name, file.size_bytes, partial(_verify, file)))
    return path


def _places(source: Source, file: DataFile) -> Iterable[Path]:
    if user := os.environ.get("NVMSIM_DATA"):
        yield Path(user) / source.folder / file.name
    if file.bundled:
        yield bundled("models") / "data" / source.folder / file.name
    yield cache_folder() / source.folder / file.name


def _verify(file: DataFile, content: bytes, where: object) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise InputError(f"{where}: damaged or not the published file: {len(content)} bytes with sha256 {found}, "
                         f"published are {file.size_bytes} bytes with sha256 {file.sha256}")  # fmt: skip


def _verify_archive(archive: Archive, content: bytes, where: object) -> None:
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != archive.md5:
        raise InputError(f"{where}: damaged or not the published file: {len(content)} bytes with md5 {found}, "
                         f"published are {archive.size_bytes} bytes with md5 {archive.md5}")  # fmt: skip


def _from_archive(source: Source, archive: Archive, wanted: DataFile) -> Path:
    """Download the archive, and keep those of its files that are the published ones and are not here yet."""
    content = download(source, archive.name, archive.size_bytes, partial(_verify_archive, archive))
    by_member = {f"{source.folder}/{file.name}": file for file in source.files}
    most_bytes = max(file.size_bytes for file in source.files)
    for member, unpacked in members(content, by_member.__contains__, most_bytes=most_bytes):
        file = by_member[member]
        _verify(file, unpacked, f"{archive.name}: {member}")
        path = cache_folder() / source.folder / file.name
        if not path.exists():
            write_whole(path, unpacked)
    return locate(replace(source, archive=None, urls=()), wanted.name)


def download(source: Source, name: str, size_bytes: int, verify: Callable[[bytes, str], None]) -> bytes:
    """Fetch ``name`` from the first address that has it and passes ``verify(content, url)``.

    Raises InputError, naming each address and ``NVMSIM_DATA``, if none of them gives the published file.
    """
    problems = []
    for base in source.urls:
        url = base + name
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
                content = answer.read(size_bytes + 1)
            verify(content, url)
        except InputError as error:
            problems += error.problems
        except (OSError, HTTPException, ValueError) as error:
            problems.append(f"{url}: {getattr(error, 'reason', error)}")
        else:
            return content
    raise InputError([
        f"data set {source.folder}: {name} is not here and could not be downloaded; "
        f"put it into DIR/{source.folder}/ and set NVMSIM_DATA=DIR", *problems])  # fmt: skip
