"""Kill a study with SIGKILL at random moments, again and again, and compare its export with an undisturbed run's.

``python tools/kill_study.py`` kills 50 times and prints how many blocks of images each life added. ``--kills N``,
``--seed N`` and ``--trials N`` (distorted models a row) change that; exit code 1: the exports differ, or a block
was lost.
"""

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUDY = """
title: killed again and again
effort: {{trials: {trials}, precision: 0.0001, max_drop_points: 5, decide: [front, best]}}
grid: {{device: slc, rber: 3e-3, scheme: [raw, nulling, sign-magnitude]}}
"""


def command(*words: str) -> list[str]:
    """Return the call of nvmsim with these words."""
    return [sys.executable, "-m", "nvmsim.cli", *words]


def blocks(store: Path) -> int:
    """Return the blocks of images that a store holds, 0 as long as there is none."""
    try:
        database = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
        try:
            return database.execute("SELECT count(*) FROM blocks").fetchone()[0]
        finally:
            database.close()
    except sqlite3.Error:
        return 0


def export(folder: Path, store: str) -> bytes:
    """Return the export of the study in a store of this folder."""
    done = subprocess.run(
        command("export", "study.yaml", "--store", store), cwd=folder, capture_output=True, check=True
    )
    return done.stdout


def counts(store: Path) -> list[tuple]:
    """Return every count of a store, sorted: task, trial, block, images right, images."""
    database = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
    try:
        query = "SELECT t.id, trial, block, correct, b.images FROM blocks AS b JOIN tasks AS t ON t.number = b.task"
        return sorted(database.execute(query))
    finally:
        database.close()


def live(folder: Path, store: str, *, seconds: float | None, working: bool = False) -> bool:
    """Run the study, kill it after ``seconds`` (None: let it end); return whether it ended by itself.

    With ``working`` the seconds count from the first block that this life stores.
    """
    before = blocks(folder / store)
    words = command("study", "study.yaml", "--store", store, "--out", "report", "--format", "csv")
    running = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while working and running.poll() is None and blocks(folder / store) == before:
        time.sleep(0.05)
    try:
        _, complaints = running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
        return False
    if running.returncode:
        raise RuntimeError(f"the study ended with exit code {running.returncode}: {complaints}")
    return True


def killed_and_whole(folder: Path, *, kills: int, trials: int, longest_s: float, seed: int = 0) -> tuple[bytes, bytes]:
    """Run the study with ``kills`` kills and once without; return both exports.

    Every other life is killed up to ``longest_s`` seconds after its start, the rest up to a tenth of that after its
    first stored block. Raises RuntimeError where a life had fewer blocks than the one before, none was killed at work,
    or the two stores differ in any count.
    """
    (folder / "study.yaml").write_text(STUDY.format(trials=trials))
    moments, kept, at_work = random.Random(seed), 0, 0
    for life in range(kills):
        working = life % 2 == 1
        seconds = moments.uniform(0.0, longest_s / 10) if working else moments.uniform(0.2, longest_s)
        ended = live(folder, "killed.sqlite", seconds=seconds, working=working)
        now = blocks(folder / "killed.sqlite")
        end = "ended" if ended else f"killed after {seconds:.1f} s{' of work' * working}"
        print(f"life {life + 1}: {end}, {now - kept:+,} blocks = {now:,}", flush=True)
        if now < kept:
            raise RuntimeError(f"{kept - now} blocks were lost")
        at_work += not ended and now > kept
        kept = now
    if not at_work:
        raise RuntimeError("no life was killed at work: a longer study is needed, with --trials")
    live(folder, "killed.sqlite", seconds=None)
    live(folder, "whole.sqlite", seconds=None)
    if counts(folder / "killed.sqlite") != counts(folder / "whole.sqlite"):
        raise RuntimeError("the stores differ")
    return export(folder, "killed.sqlite"), export(folder, "whole.sqlite")


def main() -> int:
    """Kill, compare, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--longest", type=float, default=10.0, help="seconds of a life, at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        killed, whole = killed_and_whole(
            Path(name), kills=options.kills, trials=options.trials, longest_s=options.longest, seed=options.seed
        )
    verdict = "equal" if killed == whole else "NOT equal"
    rows = whole.count(b"\n") - 1
    print(f"{options.kills} kills in {time.monotonic() - started:.0f} s; exports of {rows:,} rows are {verdict}")
    return int(killed != whole)


if __name__ == "__main__":
    sys.exit(main())
