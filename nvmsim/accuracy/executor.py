"""Who runs the work: this process, or worker processes that die with it."""

import importlib.util
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Protocol

from nvmsim import plugins
from nvmsim.accuracy.records import Trial
from nvmsim.accuracy.workbench import Work, Workbench
from nvmsim.errors import InputError
from nvmsim.zoo.stopping import StopRequest

QUEUED = 4  # pieces of work in flight a worker: enough to keep it busy, few to lose
POLL_S = 0.5
SINGLE_THREADED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Executor(Protocol):
    """Runs pieces of work; results come in any order. None says "nothing yet", so that the caller can write."""

    workers: int

    def run(self, works: Sequence[Work]) -> Iterator[Trial | None]:
        """Yield the result of every piece of work."""

    def close(self) -> None:
        """Let go of what is held."""


class InProcess:
    """Runs work here, one piece after the other: for one worker, or for what cannot be sent to another process."""

    workers = 1

    def __init__(self, sources: Mapping[str, Any], backend: str) -> None:
        self._bench = Workbench(sources, backend)

    def run(self, works: Sequence[Work]) -> Iterator[Trial]:
        """Yield the results in order."""
        yield from map(self._bench.run, works)

    def close(self) -> None:
        """Nothing is held."""


class Processes:
    """Runs work in ``workers`` processes, each with one thread; started when first needed.

    A worker that is killed costs the pieces in flight: they are done again by new workers, once.
    """

    def __init__(self, sources: Mapping[str, Any], backend: str, *, workers: int) -> None:
        self.workers = workers
        self._sources, self._backend = sources, backend
        self._setup: Path | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._children: list = []
        self._fallback: InProcess | None = None
        self._restarts = 0

    def run(self, works: Sequence[Work]) -> Iterator[Trial | None]:
        """Yield results as they come; raises InputError when workers die again and again."""
        if self._pool is None and self._fallback is None:
            self._start()
        if self._fallback is not None:
            yield from self._fallback.run(works)
            return
        todo, flying = list(reversed(works)), {}
        while todo or flying:
            try:
                while todo and len(flying) < QUEUED * self.workers:
                    flying[self._pool.submit(_work, todo[-1])] = todo[-1]
                    todo.pop()
                yield from self._landed(flying)
            except BrokenProcessPool:
                todo += reversed(flying.values())
                flying = {}
                self._restart()

    @staticmethod
    def _landed(flying: dict[Future, Work]) -> Iterator[Trial | None]:
        done, _ = wait(flying, timeout=POLL_S, return_when=FIRST_COMPLETED)
        for future in [future for future in flying if future in done]:
            result = future.result()
            del flying[future]
            yield result
        if not done:
            yield None

    def _start(self) -> None:
        leave_if_worker()
        try:
            for future in self._launch():
                future.result()
        except (BrokenProcessPool, OSError) as error:
            self.close()
            if self._restarts:
                raise InputError(_DIED) from None
            print(_NO_WORKERS.format(error=error), file=sys.stderr)
            self._fallback, self.workers = InProcess(self._sources, self._backend), 1

    def _launch(self) -> list[Future]:
        """Start all workers at once, so that their slow imports run side by side."""
        before = set(multiprocessing.active_children())
        self._setup = _written((self._sources, self._backend, plugins.registered()))
        try:
            with no_interrupts(), environment(dict.fromkeys(SINGLE_THREADED, "1")):
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self.workers, context, _begin, (self._setup,))
                return [self._pool.submit(_ready) for _ in range(self.workers)]
        finally:
            self._children = [child for child in multiprocessing.active_children() if child not in before]

    def _restart(self) -> None:
        self.close()
        if self._restarts:
            raise InputError(_DIED)
        self._restarts += 1
        self._start()

    def close(self) -> None:
        """Stop the workers at once; what they were at is lost. Ctrl-C meanwhile is heeded when all of them are gone."""
        with StopRequest() as stop:
            self._end()
        if stop.asked:
            signal.raise_signal(stop.number)  # as whoever is to handle it handles it

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            for child in self._children:
                child.kill()
            for child in self._children:
                child.join(POLL_S)
        if self._setup is not None:
            self._setup.unlink(missing_ok=True)
        self._pool, self._children, self._setup = None, [], None


_DIED = (
    "worker processes died twice (killed from outside, or out of memory?): what was done is stored; "
    "run again to go on, with fewer workers"
)
_NO_WORKERS = (
    "nvmsim: worker processes could not start ({error}), so one process does it all; "
    "a script needs its calls under `if __name__ == '__main__':`"
)


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_executor(sources: Mapping[str, Any], backend: str, *, workers: int, scheduler: str | None = None) -> Executor:
    """Return what runs work on ``sources``: processes, or this one if one is enough or they cannot be sent.

    With a ``scheduler`` (its address, or "local-cluster") the workers of a Dask cluster. Raises InputError if dask is
    missing or the scheduler cannot be reached.
    """
    if scheduler is not None:
        return _cluster(sources, backend, workers=workers, scheduler=scheduler)
    if workers == 1 or not _can_travel((sources, plugins.registered())):
        return InProcess(sources, backend)
    return Processes(sources, backend, workers=workers)


def _cluster(sources: Mapping[str, Any], backend: str, *, workers: int, scheduler: str) -> Executor:
    if importlib.util.find_spec("distributed") is None:
        raise InputError("--scheduler: needs dask distributed: pip install 'nvmsim[dask]'")
    from nvmsim.accuracy.dask_executor import DaskCluster

    return DaskCluster(sources, backend, scheduler=scheduler, workers=workers)


def leave_if_worker() -> None:
    """End a worker that runs its parent's script again, for want of a __main__ guard: see _NO_WORKERS."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(0)


def _written(thing: object) -> Path:
    """Pickle into a file: a process's arguments go by a pipe, and if it dies before it has read more than the pipe
    holds, its parent waits for ever.
    """
    handle, name = tempfile.mkstemp(prefix="nvmsim-", suffix=".pickle")
    with open(handle, "wb") as file:
        pickle.dump(thing, file)
    return Path(name)


def _can_travel(thing: object) -> bool:
    try:
        pickle.dumps(thing)
    except Exception:  # pickle lets errors of any class through
        return False
    return True


@contextmanager
def no_interrupts() -> Iterator[None]:
    """Start processes that never see Ctrl-C: the blocked signal is inherited. The parent gets it after the start."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # with the first process, and then it would let the signal through again
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    old = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in old.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


_bench: Workbench | None = None


def _begin(setup: Path) -> None:
    global _bench
    end_with_parent(setup)
    sources, backend, known = pickle.loads(setup.read_bytes())
    plugins.adopt(known)
    _bench = Workbench(sources, backend)


def end_with_parent(setup: Path | None = None) -> None:
    """Watch, in a worker, for its parent's end, which then is its own too; the file ``setup`` goes with it."""

    def watch() -> None:
        try:
            multiprocessing.parent_process().join()
            if setup is not None:
                setup.unlink(missing_ok=True)
        finally:
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _ready() -> None:
    import torch

    import nvmsim.accuracy.trial
    import nvmsim.zoo.network  # noqa: F401  (slow imports, by all workers at once)

    torch.set_num_threads(1)


def _work(work: Work) -> Trial:
    return _bench.run(work)
