"""A real Dask cluster of processes for tests: a scheduler, and workers with one thread each."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from nvmsim.accuracy.records import Trial

HERE = Path(__file__).parent


class Cluster:
    """Processes that one can kill; ``address`` is the scheduler's."""

    def __init__(self, folder, *, workers, **environment):
        self._folder, self._file, self.workers = folder, folder / "scheduler.json", []
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-show")
        self.address = self._written()
        for _ in range(workers):
            self.add_worker()

    def add_worker(self, **environment):
        """Start one more worker."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        self.workers.append(self._start("worker", *options, **environment))
        return self.workers[-1]

    def _start(self, kind, *options, **environment):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--scheduler-file", str(self._file), *options]
        environment = {**self._environment, **environment}
        with open(self._folder / "log.txt", "a") as log:
            return subprocess.Popen(command, env=environment, cwd=self._folder, stdout=log, stderr=log)

    def _written(self):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                return json.loads(self._file.read_text())["address"]
            except (OSError, ValueError):
                time.sleep(0.05)
        raise TimeoutError((self._folder / "log.txt").read_text())

    def close(self):
        """Kill what still runs."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def cluster(folder, *, workers=1, **environment):
    """Give a cluster that ends with the block."""
    running = Cluster(folder, workers=workers, **environment)
    try:
        yield running
    finally:
        running.close()


def outcome(trials: list[Trial | None]) -> list:
    """All but the seconds, sorted: what must not depend on who did the work."""
    found = [trial for trial in trials if trial is not None]
    rows = [(t.facts.id, t.trial, t.counts, {b: count[:2] for b, count in t.blocks.items()}, t.facts) for t in found]
    return sorted(rows, key=lambda row: (row[:2], min(row[3])))
