"""What was measured, in one SQLite file: a row for (task id, trial, block) that is written once and never changed.

Counts are facts about their key, so whichever client writes first is right, writing again changes nothing, and two
stores merge by union. Only the parent process writes, one transaction a batch (WAL: a kill loses at most the batch).
"""

import errno
import json
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from nvmsim.accuracy.machine import this_machine
from nvmsim.accuracy.records import BlockCount, TaskFacts, TaskRows, Trial, TrialCounts
from nvmsim.accuracy.store_file import check_sources, connect_to_read, connect_to_write, openable
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
_SAME_RUN = "(r.host, r.pid, r.started, r.platform) = (o.host, o.pid, o.started, o.platform)"
_SAME_TASK = "JOIN other.tasks AS theirs ON theirs.number = o.task JOIN main.tasks AS t ON t.id = theirs.id"
MERGE = (
    f"""INSERT INTO runs SELECT NULL, host, pid, started, ended, platform FROM other.runs AS o
    WHERE NOT EXISTS (SELECT 1 FROM main.runs AS r WHERE {_SAME_RUN})""",
    "INSERT OR IGNORE INTO tasks SELECT NULL, id, text, images, blocks, weights, change_bound FROM other.tasks",
    f"""INSERT OR IGNORE INTO trials SELECT t.number, o.trial, raw_flips, raw_bits, residual_flips, data_bits, nulled,
    failed_codewords FROM other.trials AS o {_SAME_TASK}""",
    f"""INSERT OR IGNORE INTO blocks SELECT t.number, b.trial, block, correct, b.images, seconds, r.number
    FROM other.blocks AS b {_SAME_TASK.replace("o.task", "b.task")} LEFT JOIN other.runs AS o ON o.number = b.run
    LEFT JOIN main.runs AS r ON {_SAME_RUN}""",
    "INSERT OR IGNORE INTO notes SELECT key, json FROM other.notes",
)
OVERLAP = f"""SELECT (SELECT count(*) FROM main.blocks), count(*), coalesce(sum(b.correct != m.correct), 0)
    FROM other.blocks AS b {_SAME_TASK.replace("o.task", "b.task")}
    JOIN main.blocks AS m ON (m.task, m.trial, m.block) = (t.number, b.trial, b.block)"""
OTHER_NOTES = "SELECT key FROM other.notes AS o JOIN main.notes AS m USING (key) WHERE o.json != m.json ORDER BY key"
POSSIBLE = {
    "blocks": "correct BETWEEN 0 AND images AND images <= (SELECT t.images FROM tasks AS t WHERE t.number = task)",
    "trials": "raw_flips BETWEEN 0 AND raw_bits AND residual_flips BETWEEN 0 AND data_bits AND nulled >= 0",
}
COUNTS = ("raw_flips", "raw_bits", "residual_flips", "data_bits", "nulled", "failed_codewords")


class Merged(NamedTuple):
    """Blocks of images that a merge brought, those that were there already, and how many of them differ in their count.

    Counts of one kind of machine never differ; another kind may round near ties otherwise. What was there first stays,
    as do the notes named ``kept``, of which the other store has different ones.
    """

    new: int
    known: int
    differing: int
    kept: tuple[str, ...]


class Store:
    """A results file; opening it creates it, checks it, and raises InputError if it cannot be used.

    ``wait_s`` is how long to wait for another client that is writing. With ``read_only`` the file must be there and
    stays as it is, in a folder that cannot be written too; what is written to it meanwhile is not seen.

    >>> import tempfile
    >>> with Store(Path(tempfile.mkdtemp()) / "results.sqlite") as store:
    ...     store.set_note("answer", {"seconds": 1.5})
    ...     store.note("answer")
    {'seconds': 1.5}
    """

    def __init__(self, path: str | Path, *, wait_s: float = WAIT_S, read_only: bool = False) -> None:
        self.path, self.read_only = Path(path), read_only
        self._wait_s = wait_s
        self._run: int | None = None
        with self._guard("cannot be opened"):
            self._db = connect_to_read(self.path) if read_only else connect_to_write(self.path, wait_s=wait_s)
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
            raise InputError(f"{self.path}: not a results file of nvmsim; choose another with --store")
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
        for table, possible in POSSIBLE.items():
            if self._db.execute(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE ({possible}) IS NOT TRUE)").fetchone()[0]:
                raise sqlite3.DatabaseError(f"{table} holds counts that cannot be: not {possible}")

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
            return f"{error}; choose a place that can be written with --store"
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or type(error) is sqlite3.DatabaseError:
            return (
                f"damaged or not a results file ({error}); move it away to begin anew, or choose another with --store"
            )
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
        about = json.dumps({**this_machine(), "threads": threads, "workers": workers})
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
            blocks = {(t, b): BlockCount(*rest) for t, b, *rest in cells if t in counts}  # a torn trial is no trial
            return TaskRows(TaskFacts(*facts), counts, blocks)

    def task_ids(self) -> list[str]:
        """Return the ids of all tasks in the store, sorted."""
        with self._guard("cannot be read"):
            return [row[0] for row in self._db.execute("SELECT id FROM tasks ORDER BY id")]

    def images(self) -> dict[str, int]:
        """Return how many images are stored of each task, by its id; a task without any is left out."""
        query = "SELECT t.id, sum(b.images) FROM blocks AS b JOIN tasks AS t ON t.number = b.task GROUP BY t.id"
        return dict(self._all(query))

    def runs(self) -> list[dict[str, Any]]:
        """Return who wrote: host, pid, start, end (None: still at it, or killed) and platform, oldest first."""
        with self._guard("cannot be read"):
            found = self._db.execute("SELECT host, pid, started, ended, platform FROM runs ORDER BY number")
            names = ("host", "pid", "started", "ended", "platform")
            return [{**dict(zip(names, row, strict=True)), "platform": json.loads(row[4])} for row in found]

    def machines(self) -> tuple[dict[str, Any], ...]:
        """Return the platforms that counted, each once, whatever its threads and workers were.

        One of which less was noted than of another that is equal in all of that is left out.
        """
        found = [
            {key: v for key, v in run["platform"].items() if key not in ("threads", "workers")} for run in self.runs()
        ]
        whole = [one for one in found if not any(one.items() < other.items() for other in found)]
        return tuple({str(sorted(one.items())): one for one in whole}.values())

    def writers(self, task_id: str) -> dict[tuple[int, int], dict[str, Any]]:
        """Return the platform that each (trial, block) of a task was counted on, {} where it was not noted."""
        platforms = {number: json.loads(text) for number, text in self._all("SELECT number, platform FROM runs")}
        cells = self._all(
            "SELECT trial, block, run FROM blocks WHERE task = (SELECT number FROM tasks WHERE id = ?)", task_id
        )
        return {(trial, block): platforms.get(run, {}) for trial, block, run in cells}

    def _all(self, query: str, *values: object) -> list[tuple]:
        with self._guard("cannot be read"):
            return self._db.execute(query, values).fetchall()

    def merge(self, other: str | Path) -> "Merged":
        """Take in what another store holds; merging it twice changes nothing. Raises InputError if it is no store."""
        check_sources(self.path, [Path(other)])
        with openable(Path(other)) as source:
            Store(source, wait_s=self._wait_s).close()
            return self._merge(source)

    def _merge(self, source: Path) -> "Merged":
        with self._guard("cannot be read"):
            self._db.execute("ATTACH ? AS other", (str(source),))
        try:
            with self._guard("cannot be written"), self._transaction():
                before, *counts = self._db.execute(OVERLAP).fetchone()
                kept = tuple(key for (key,) in self._db.execute(OTHER_NOTES))
                for statement in MERGE:
                    self._db.execute(statement)
                (after,) = self._db.execute("SELECT count(*) FROM main.blocks").fetchone()
                return Merged(after - before, *counts, kept)
        finally:
            self._db.execute("DETACH other")

    def note(self, key: str) -> Any | None:
        """Return the JSON value kept under ``key``, None if there is none."""
        with self._guard("cannot be read"):
            found = self._db.execute("SELECT json FROM notes WHERE key = ?", (key,)).fetchone()
        try:
            return None if found is None else json.loads(found[0])
        except ValueError:
            raise InputError(f"{self.path}: note {key!r}: damaged: not JSON") from None

    def note_keys(self, start: str) -> list[str]:
        """Return the keys of all notes that begin with ``start``, sorted."""
        return [key for (key,) in self._all("SELECT key FROM notes ORDER BY key") if key.startswith(start)]

    def set_note(self, key: str, value: Any) -> None:
        """Keep a JSON value under ``key``, in place of what was there."""
        with self._guard("cannot be written"), self._transaction():
            self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, json.dumps(value)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
