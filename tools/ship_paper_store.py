"""Make the store that comes with nvmsim from working stores: the trials of the paper's studies and nothing else.

``python tools/ship_paper_store.py WORKING.sqlite ...`` writes configs/paper/trials.sqlite, to be read in a folder that
cannot be written. Whose machine it was is left out; which kind of machine, and when, stays.
"""

import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from nvmsim.accuracy.store import Store
from nvmsim.study.paper.load import load_studies, shipped_store
from nvmsim.study.paper.measure import points_here
from nvmsim.study.paper.reproduce import networks_of


def task_ids() -> set[str]:
    """Return the ids of all tasks that the studies ask for, and of their networks without noise."""
    studies = load_studies()
    points = points_here(studies, networks_of(studies))
    return {task.id for point in points for task in (point.task, point.task.baseline)}


def ship(working: Sequence[Path], out: Path, *, tasks: Iterable[str]) -> None:
    """Merge ``working`` stores, keep ``tasks``, and put the result in place of ``out`` at once."""
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        path = Path(folder) / "merged.sqlite"
        with Store(path) as store:
            for source in working:
                store.merge(source)
        _strip(path, set(tasks))
        os.replace(path, out)


def _strip(path: Path, tasks: set[str]) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    numbers = [number for number, found in database.execute("SELECT number, id FROM tasks") if found not in tasks]
    for table, column in (("blocks", "task"), ("trials", "task"), ("tasks", "number")):
        database.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(number,) for number in numbers])
    database.execute("DELETE FROM runs WHERE number NOT IN (SELECT run FROM blocks WHERE run IS NOT NULL)")
    database.execute("DELETE FROM notes")
    for number, text in database.execute("SELECT number, platform FROM runs").fetchall():
        about = json.loads(text)
        about["system"] = about.get("system", "").partition("-")[0]
        database.execute(
            "UPDATE runs SET host = '', pid = 0, platform = ? WHERE number = ?", (json.dumps(about), number)
        )
    database.execute("PRAGMA journal_mode = DELETE")
    database.execute("VACUUM")
    database.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    out = shipped_store()
    ship([Path(name) for name in sys.argv[1:]], out, tasks=task_ids())
    print(f"{out}: {out.stat().st_size:,} bytes")
