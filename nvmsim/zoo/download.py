"""Fetch one published file from the first address that has it, and verify it."""

import hashlib
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Protocol

from nvmsim.errors import InputError
from nvmsim.zoo.progress import progress

_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 16


class Published(Protocol):
    """A file with its size, and a checksum that ``verify`` compares; ``where`` is named in its InputError."""

    name: str
    size_bytes: int

    def verify(self, content: bytes, where: object) -> None: ...


def check_digest(content: bytes, where: object, *, algorithm: str, digest: str, size_bytes: int) -> None:
    """Raise InputError, naming ``where``, unless ``content`` has the published digest (hexadecimal)."""
    found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    if found != digest:
        raise InputError(f"{where}: damaged or not the published file: {len(content)} bytes with {algorithm} {found}, "
                         f"published are {size_bytes} bytes with {algorithm} {digest}")  # fmt: skip


def download(urls: Sequence[str], file: Published, *, missing: str) -> bytes:
    """Return the content of ``file`` from the first of the base addresses ``urls`` that gives the published one.

    Progress goes to stderr. Raises InputError with ``missing`` (what the user can do) and each address's problem.
    """
    problems = []
    for base in urls:
        url = base + file.name
        try:
            content = _read(url, file)
            file.verify(content, url)
        except InputError as error:
            problems += error.problems
        except (OSError, HTTPException, ValueError) as error:
            problems.append(f"{url}: {getattr(error, 'reason', error)}")
        else:
            return content
    raise InputError([missing, *problems])


def _read(url: str, file: Published) -> bytes:
    """Read one byte more than was published at most, so that a wrong file is seen and an endless one ends."""
    content = bytearray()
    with (
        urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer,
        progress(desc=file.name, total=file.size_bytes, unit="B", unit_scale=True) as bar,
    ):
        while chunk := answer.read(min(_CHUNK_BYTES, file.size_bytes + 1 - len(content))):
            content += chunk
            bar.update(len(chunk))
    return bytes(content)
