"""One worker at a time on a results file: who holds it is written beside it, and a kill lets go of it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from nvmsim.errors import InputError

try:
    import fcntl
except ImportError:  # not on this system: two studies at once then do some work twice, and lose none
    fcntl = None


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Hold the results file ``path`` for one study; raises InputError, naming the holder, if another has it.

    The operating system lets go when the process ends, however it ends; the file ``PATH.lock`` stays.
    """
    if fcntl is None:
        yield
        return
    with _beside(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(200).strip() or "it does not say which"
            raise InputError(
                f"{path}: another study is at work on it ({holder}); wait for its end, or give this one a store of its "
                "own with --store and merge them afterwards"
            ) from None
        except OSError:  # a file system without locks: as above
            yield
            return
        _sign(file)
        yield


def _beside(path: Path) -> TextIO:
    real = path.resolve()  # a link to the store must not have a lock of its own
    lock = real.with_name(f"{real.name}.lock")
    try:
        return lock.open("a+", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{lock}: cannot be written: {error.strerror}; choose another store with --store") from error


def _sign(file: TextIO) -> None:
    file.seek(0)
    file.truncate()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}\n")
    file.flush()
