"""Find a data set's files: where the user says, bundled, in the cache, or by a verified download."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.zoo.archive import Archive, members
from nvmsim.zoo.checkpoint import write_whole
from nvmsim.zoo.download import check_digest, download

USER, BUNDLED, CACHE = "NVMSIM_DATA", "bundled", "cache"


@dataclass(frozen=True)
class DataFile:
    """One published file: its name, size and checksum, and whether it comes with nvmsim."""

    name: str
    size_bytes: int
    sha256: str
    bundled: bool = False

    def verify(self, content: bytes, where: object) -> None:
        """Raise InputError, naming ``where``, unless ``content`` is the published one."""
        check_digest(content, where, algorithm="sha256", digest=self.sha256, size_bytes=self.size_bytes)


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


def copies(folder: str, name: str, *, in_package: bool = False) -> Iterator[tuple[str, Path]]:
    """Yield (kind of place, path) of each copy of ``folder/name`` that is here, the first to be used first.

    ``NVMSIM_DATA``, if set, is the first place; then, with ``in_package``, the bundled files; then the cache.
    """
    places = {USER: os.environ.get("NVMSIM_DATA"), BUNDLED: in_package and bundled("models") / "data",
              CACHE: cache_folder()}  # fmt: skip
    for kind, place in places.items():
        if place and (path := Path(place) / folder / name).exists():
            yield kind, path


def locate(source: Source, name: str) -> Path:
    """Return the path of a file of ``source``, verified against its published checksum.

    It is the first of its :func:`copies`, else a download into the cache: the same bytes wherever they come from.
    Raises InputError if it is damaged (nothing else is taken in its place) or none is to be had.
    """
    file = source.file(name)
    for _, path in copies(source.folder, name, in_package=file.bundled):
        file.verify(path.read_bytes(), path)
        return path
    path = cache_folder() / source.folder / name
    if source.archive:
        _unpack_files(source)
        file.verify(path.read_bytes(), path)
    else:
        missing = f"put it into DIR/{source.folder}/ and set NVMSIM_DATA=DIR"
        write_whole(path, download(source.urls, file, missing=_missing(source, name, missing)))
    return path


def unpack(source: Source, wanted: Callable[[str], object], *, most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Download the archive of ``source`` and yield what :func:`nvmsim.zoo.archive.members` finds in it."""
    missing = f"unpack it into DIR, so that DIR/{source.folder} is there, and set NVMSIM_DATA=DIR"
    content = download(source.urls, source.archive, missing=_missing(source, source.archive.name, missing))
    try:
        yield from members(content, wanted, most_bytes=most_bytes)
    except InputError as error:
        raise InputError([f"{source.archive.name}: {problem}" for problem in error.problems]) from error


def _missing(source: Source, name: str, what_to_do: str) -> str:
    return f"{source.folder}: {name} is not here and could not be downloaded; {what_to_do}"


def _unpack_files(source: Source) -> None:
    """Keep those files of the archive that are the published ones, and are not in the cache yet."""
    by_member = {f"{source.folder}/{file.name}": file for file in source.files}
    most_bytes = max(file.size_bytes for file in source.files)
    for member, content in unpack(source, by_member.__contains__, most_bytes=most_bytes):
        file = by_member.pop(member)
        file.verify(content, f"{source.archive.name}: {member}")
        path = cache_folder() / source.folder / file.name
        if not path.exists():
            write_whole(path, content)
    if by_member:
        raise InputError(f"{source.archive.name}: {', '.join(by_member)}: not in it")
