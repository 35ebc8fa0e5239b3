"""What was measured, in one SQLite file: a row for (task id, trial, block) that is written once and never changed.

Counts are facts about their key, so whichever client writes first is right, writing again changes nothing, and two
stores merge by union. Only the parent process writes, one transaction a batch (WAL: a kill loses at most the batch).
"""

import errno
import json
import os
import platform
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from nvmsim.accuracy.records import BlockCount, TaskFacts, TaskRows, Trial, TrialCounts
from nvmsim.errors import InputError

SCHEMA_VERSION = 1
APPLICATION_ID = 0x6E766D73  # "nvms"
WAIT_S = 10.0
QUICK_CHECK_BYTES = 32 << 20
SCHEMA = """
CREATE TABLE runs (number INTEGER PRIMARY KEY, host TEXT, pid INTEGER, started TEXT, ended TEXT, platform TEXT);
CREATE TABLE tasks (number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, text TEXT NOT NULL, images INTEGER NOT NULL,
    blocks INTEGER NOT NULL, weights INTEGER NOT NULL, change_bound REAL NOT NULL);
CREATE TABLE trials (task INTEGER, trial INTEGER, raw_flips INTEGER, raw_bits INTEGER, residual_flips INTEGER,
    data_bits INTEGER, nulled INTEGER, failed_codewords INTEGER, PRIMARY KEY (task, trial)) WITHOUT ROWID;
CREATE TABLE blocks (task INTEGER, trial INTEGER, block INTEGER, correct INTEGER, images INTEGER, seconds REAL,
    run INTEGER, PRIMARY KEY (task, trial, block)) WITHOUT ROWID;
CREATE TABLE notes (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
"""
COUNTS = ("raw_flips", "raw_bits", "residual_flips", "data_bits", "nulled", "failed_codewords")


class Store:
    """A results file; opening it creates it, checks it, and raises InputError if it cannot be used.

    ``wait_s`` is how long to wait for another client that is writing.

    >>> import tempfile
    >>> with Store(Path(tempfile.mkdtemp()) / "results.sqlite") as store:
    ...     store.set_note("answer", {"seconds": 1.5})
    ...     store.note("answer")
    {'seconds': 1.5}
    """

    def __init__(self, path: str | Path, *, wait_s: float = WAIT_S) -> None:
        self.path = Path(path)
        self._wait_s = wait_s
        self._run: int | None = None
        with self._guard("cannot be opened"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=wait_s, isolation_level=None)
        try:
            with self._guard("cannot be read"):
                self._open()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the run, if one was begun, and close the file."""
        try:
            if self._run is not None:
                self._db.execute("UPDATE runs SET ended = ? WHERE number = ?", (_now(), self._run))
        except sqlite3.Error:
            pass  # the results are safe already; who holds the file is only a courtesy
        finally:
            self._db.close()

    def _open(self) -> None:
        if self._is_blank():
            self._create()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION_ID:
            raise InputError(f"{self.path}: not a results file of nvmsim; choose another with --out")
        (schema,) = self._db.execute("PRAGMA user_version").fetchone()
        if schema != SCHEMA_VERSION:
            raise InputError(
                f"{self.path}: schema {schema}, this nvmsim reads schema {SCHEMA_VERSION}; "
                f"{'upgrade nvmsim' if schema > SCHEMA_VERSION else 'use the nvmsim that wrote it'} or choose another"
            )
        if self.path.stat().st_size <= QUICK_CHECK_BYTES:
            self._check()
        self._db.execute("PRAGMA synchronous = NORMAL")

    def _is_blank(self) -> bool:
        """Whether nothing was ever committed: a new file, or one whose first client was killed while creating it."""
        return self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)

    def _create(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        with self._transaction():
            if self._db.execute("PRAGMA user_version").fetchone() == (0,):
                for statement in filter(str.strip, SCHEMA.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _check(self) -> None:
        (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict.splitlines()[-1])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise InputError(f"{self.path}: {what}: {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith("SQLITE_BUSY"):
            return f"another client has been writing for {self._wait_s:g} s{self._holder()}; try again when it is done"
        if name == "SQLITE_FULL" or getattr(error, "errno", None) == errno.ENOSPC:
            return "the disk is full; what was stored before is safe, free some space and run again to go on"
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return f"{error}; choose a folder that can be written with --out"
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or type(error) is sqlite3.DatabaseError:
            return f"damaged or not a results file ({error}); move it away to begin anew, or choose another with --out"
        return str(error)

    def _holder(self) -> str:
        try:
            rows = self._db.execute("SELECT host, pid, started FROM runs WHERE ended IS NULL ORDER BY number")
            others = [row for row in rows if row[:2] != (socket.gethostname(), os.getpid())]
        except sqlite3.Error:
            return ""
        return "".join(f" (process {pid} on {host}, since {started})" for host, pid, started in others[-1:])

    def begin_run(self, *, threads: int, workers: int) -> None:
        """Record, once, who writes from now on: machine, versions, threads and workers."""
        if self._run is not None:
            return
        about = json.dumps(
            {
                "machine": platform.machine(),
                "system": platform.platform(),
                "processor": _processor(),
                "python": platform.python_version(),
                "torch": version("torch"),
                "threads": threads,
                "workers": workers,
            }
        )
        with self._guard("cannot be written"), self._transaction():
            row = self._db.execute(
                "INSERT INTO runs (host, pid, started, platform) VALUES (?, ?, ?, ?)",
                (socket.gethostname(), os.getpid(), _now(), about),
            )
            self._run = row.lastrowid

    def add(self, trials: Sequence[Trial]) -> None:
        """Write results in one transaction; what is there already stays as it is. Raises InputError if it cannot."""
        with self._guard("cannot be written"), self._transaction():
            for trial in trials:
                number = self._number(trial.facts)
                counts = tuple(getattr(trial.counts, name) for name in COUNTS)
                self._db.execute(
                    "INSERT OR IGNORE INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (number, trial.trial, *counts)
                )
                self._db.executemany(
                    "INSERT OR IGNORE INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [(number, trial.trial, block, *count, self._run) for block, count in trial.blocks.items()],
                )

    def _number(self, facts: TaskFacts) -> int:
        row = (facts.id, facts.text, facts.images, facts.blocks, facts.weights, facts.change_bound)
        self._db.execute("INSERT OR IGNORE INTO tasks VALUES (NULL, ?, ?, ?, ?, ?, ?)", row)
        return self._db.execute("SELECT number FROM tasks WHERE id = ?", (facts.id,)).fetchone()[0]

    def rows(self, task_id: str) -> TaskRows | None:
        """Return all that is known about a task, None if nothing is."""
        with self._guard("cannot be read"):
            found = self._db.execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone()
            if found is None:
                return None
            number, *facts = found
            trials = self._db.execute(f"SELECT trial, {', '.join(COUNTS)} FROM trials WHERE task = ?", [number])
            counts = {trial: TrialCounts(*rest) for trial, *rest in trials}
            cells = self._db.execute(
                "SELECT trial, block, correct, images, seconds FROM blocks WHERE task = ?", [number]
            )
            return TaskRows(TaskFacts(*facts), counts, {(t, b): BlockCount(*rest) for t, b, *rest in cells})

    def task_ids(self) -> list[str]:
        """Return the ids of all tasks in the store, sorted."""
        with self._guard("cannot be read"):
            return [row[0] for row in self._db.execute("SELECT id FROM tasks ORDER BY id")]

    def runs(self) -> list[dict[str, Any]]:
        """Return who wrote: host, pid, start, end (None: still at it, or killed) and platform, oldest first."""
        with self._guard("cannot be read"):
            found = self._db.execute("SELECT host, pid, started, ended, platform FROM runs ORDER BY number")
            names = ("host", "pid", "started", "ended", "platform")
            return [{**dict(zip(names, row, strict=True)), "platform": json.loads(row[4])} for row in found]

    def merge(self, other: str | Path) -> None:
        """Take in what another store holds; merging it twice changes nothing. Raises InputError if it is no store."""
        if not Path(other).is_file():
            raise InputError(f"{other}: no such results file")
        with Store(other, wait_s=self._wait_s) as source:
            for task_id in source.task_ids():
                self.add(_trials_of(source.rows(task_id)))
            notes = source._db.execute("SELECT key, json FROM notes").fetchall()
        with self._guard("cannot be written"), self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO notes VALUES (?, ?)", notes)

    def note(self, key: str) -> Any | None:
        """Return the JSON value kept under ``key``, None if there is none."""
        with self._guard("cannot be read"):
            found = self._db.execute("SELECT json FROM notes WHERE key = ?", (key,)).fetchone()
        return None if found is None else json.loads(found[0])

    def set_note(self, key: str, value: Any) -> None:
        """Keep a JSON value under ``key``, in place of what was there."""
        with self._guard("cannot be written"), self._transaction():
            self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, json.dumps(value)))


def _trials_of(rows: TaskRows) -> list[Trial]:
    blocks: dict[int, dict[int, BlockCount]] = {}
    for (trial, block), count in sorted(rows.blocks.items()):
        blocks.setdefault(trial, {})[block] = count
    return [Trial(rows.facts, trial, counts, blocks.get(trial, {})) for trial, counts in sorted(rows.trials.items())]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
