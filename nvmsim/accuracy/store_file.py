"""How a results file is opened: to be written, or as it stands in a folder that cannot be written."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from nvmsim.errors import InputError


def writable(path: Path) -> bool:
    """Tell whether a results file, or the place where it would be, can be written: SQLite keeps files beside it."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def connect_to_write(path: Path, *, wait_s: float) -> sqlite3.Connection:
    """Return a connection to the file, which is made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return sqlite3.connect(path, timeout=wait_s, isolation_level=None)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that leaves file and folder as they are.

    What a client has not yet moved from its log (``-wal``) into the file is read too, by way of a copy in memory.
    """
    if _log(path).exists() and _log(path).stat().st_size:
        with openable(path, copy=True) as copied, closing(sqlite3.connect(copied)) as source:
            found = sqlite3.connect(":memory:", isolation_level=None)
            source.backup(found)
        found.execute("PRAGMA query_only = ON")
        return found
    return sqlite3.connect(f"{path.resolve(strict=True).as_uri()}?immutable=1", uri=True, isolation_level=None)


@contextmanager
def openable(path: Path, *, copy: bool | None = None) -> Iterator[Path]:
    """Give a path that SQLite can open: this one, or a copy (None: where the folder cannot be written)."""
    if not (copy or (copy is None and not writable(path))):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "copy.sqlite"
        for source, target in ((path, copied), (_log(path), _log(copied))):
            if source.exists():
                shutil.copyfile(source, target)
        yield copied


def check_sources(into: Path, sources: "list[Path]") -> None:
    """Raise InputError, with every problem, unless each of ``sources`` is a file to take results from."""
    problems = [f"{one}: no such results file" for one in sources if not one.is_file()]
    there = [one for one in sources if one.is_file()]
    problems += [f"{one}: is empty: no results file" for one in there if not one.stat().st_size]
    same = [one for one in there if into.exists() and os.path.samefile(one, into)]
    problems += [f"{one}: is the store itself; name another to take from" for one in same]
    if problems:
        raise InputError(problems)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
