"""Work run by a Dask cluster: this process asks, writes what comes back, and stays the only one that writes."""

import logging
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any
from uuid import uuid4

import cloudpickle
from distributed import Client, Future, KilledWorker, LocalCluster
from distributed.comm import CommClosedError
from distributed.utils import silence_logging_cmgr

from nvmsim import plugins
from nvmsim.accuracy.dask_worker import Study, about, refuse_unlike, run_work
from nvmsim.accuracy.executor import POLL_S, QUEUED, SINGLE_THREADED, environment, leave_if_worker, no_interrupts
from nvmsim.accuracy.records import Trial
from nvmsim.accuracy.workbench import Work
from nvmsim.errors import InputError
from nvmsim.zoo.stopping import StopRequest

LOCAL = "local-cluster"
ANSWER_S = 10.0  # for a scheduler to answer
HANDING_OUT_S = 600.0  # for models to reach all workers
CLOSE_S = 5.0
LONELY_S = (5.0, 60.0)  # without any worker: when to say so first, and how often from then on
_LOCAL_OPTIONS = {
    "threads_per_worker": 1,
    "processes": True,
    "memory_limit": 0,  # dask would kill a worker that takes more than its part of the machine
    "dashboard_address": "127.0.0.1:0",  # the scheduler opens it for others even without a dashboard
    "scheduler_kwargs": {"dashboard": False},
    "silence_logs": logging.CRITICAL,
}

# A connection that closes while dask still asks through it is how every Ctrl-C ends, and no news.
logging.getLogger("asyncio").addFilter(lambda record: not isinstance((record.exc_info or (0, 0))[1], CommClosedError))

_GONE_WITH_A_WORKER = ("finished", "lost", "pending")  # states of a piece whose result died with its worker


class DaskCluster:
    """Runs work on the workers of the Dask scheduler at an address, or of a "local-cluster" of ``workers`` processes.

    Dask gives the pieces of a worker that is lost to others. ``workers`` follows how many there are. Raises InputError
    if the scheduler cannot be reached or a worker would count otherwise.
    """

    def __init__(self, sources: Mapping[str, Any], backend: str, *, scheduler: str, workers: int) -> None:
        self.workers, self._scheduler = workers, scheduler
        self._asked_at = self._lonely_since = self._say_at = 0.0
        self._works: dict[str, Work] = {}  # what is at work, by its future's key: a worker may die with its results
        self._held = ExitStack()
        try:
            self._held.enter_context(silence_logging_cmgr(logging.CRITICAL))
            self._client = self._connect()
            self._count()
            self._compare()
            self._study = self._hand_out(_packed(sources, backend))
        except BaseException:
            self.close()
            raise

    def run(self, works: Sequence[Work]) -> Iterator[Trial | None]:
        """Yield results as they come; raises InputError when the scheduler is lost or a piece kills its workers.

        Ctrl-C is heeded between two pieces: raised anywhere, it may land where dask frees a future, and be lost.
        """
        todo, flying, landed = list(reversed(works)), set(), SimpleQueue()
        with StopRequest() as stop:
            try:
                while (todo or flying) and not stop.asked:
                    self._count()
                    while todo and len(flying) < QUEUED * max(1, self.workers):  # adaptive clusters grow when asked
                        flying.add(self._submit(todo.pop(), landed))
                    yield from self._landed(flying, landed)
            finally:
                for future in flying:
                    future.release()
            if stop.asked:
                raise KeyboardInterrupt

    def close(self) -> None:
        """Leave the cluster; a local one is stopped at once, and what it was at is lost."""
        self._held.close()

    def _connect(self) -> Client:
        where = self._local_cluster() if self._scheduler == LOCAL else self._scheduler
        try:
            client = Client(where, timeout=ANSWER_S, set_as_default=False)
        except (OSError, ValueError, ImportError) as error:
            raise InputError(
                f"--scheduler: {self._scheduler}: cannot be reached ({' '.join(str(error).split())}): must be "
                f"{LOCAL!r} or the address of a running `dask scheduler`, such as tcp://10.0.0.1:8786"
            ) from None
        self._held.callback(_leave, client)
        return client

    def _local_cluster(self) -> LocalCluster:
        leave_if_worker()
        try:
            with no_interrupts(), environment(dict.fromkeys(SINGLE_THREADED, "1")):
                cluster = LocalCluster(n_workers=self.workers, **_LOCAL_OPTIONS)
                self._held.callback(_stop, cluster)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"--scheduler: {LOCAL}: {self.workers} workers could not start ({error}); a script needs its calls "
                "under `if __name__ == '__main__':`"
            ) from None
        return cluster

    def _compare(self) -> None:
        here = about()
        for address, there in self._ask(self._client.run, about, on_error="return").items():
            if isinstance(there, ImportError):
                raise InputError(f"worker {address}: has no nvmsim {here['nvmsim']} ({there})")
            if isinstance(there, Mapping):  # otherwise it has just died
                refuse_unlike(here, there, where=address)

    def _hand_out(self, payload: bytes) -> str:
        """Give the study to all workers; its name is its own, so that closing it takes it from no other client."""
        study = f"nvmsim-{uuid4().hex}"
        self._held.callback(self._take_back, study)
        self._ask(self._client.register_plugin, Study(payload, about()), study, wait_s=HANDING_OUT_S)
        return study

    def _take_back(self, study: str) -> None:
        if self._client.status == "running":
            with suppress(Exception):  # of a scheduler or worker that is on its way out
                self._client.sync(self._client.unregister_worker_plugin, study, callback_timeout=CLOSE_S)

    def _submit(self, work: Work, landed: SimpleQueue) -> Future:
        if self._client.status != "running":
            raise self._lost("connection lost")
        future = self._client.submit(run_work, self._study, pickle.dumps(work), pure=False)
        self._works[future.key] = work
        future.add_done_callback(landed.put)
        return future

    def _landed(self, flying: set[Future], landed: SimpleQueue) -> Iterator[Trial | None]:
        done = _drained(landed)
        if not done:
            yield None
            return
        flying.difference_update(done)
        found = self._results([future for future in done if future.status == "finished"])
        yield from found.values()
        for future in done:
            work = self._works.pop(future.key)
            if future in found:
                continue
            if future.status not in _GONE_WITH_A_WORKER:
                self._explain(future)
            flying.add(self._submit(work, landed))

    def _results(self, finished: Sequence[Future]) -> dict[Future, Trial]:
        """Return what can be had of finished pieces; a worker may have died with some."""
        found = self._ask(self._client.gather, list(finished), errors="skip")
        if len(found) < len(finished):  # which ones, only asking one by one tells
            each = [(future, self._ask(self._client.gather, [future], errors="skip")) for future in finished]
            return {future: trial for future, here in each for trial in here}
        return dict(zip(finished, found, strict=True))

    def _explain(self, future: Future) -> None:
        """Raise what went wrong."""
        if future.status != "error":
            raise self._lost("connection lost, or the cluster was restarted")
        try:
            future.result(ANSWER_S)
        except KilledWorker as error:
            raise InputError(
                f"--scheduler: {self._scheduler}: a piece of work lost its worker, {error.allowed_failures + 1} in a "
                f"row, the last of them {error.last_worker.address} (out of memory?): what was done is stored; run "
                "again to go on, with fewer workers a machine"
            ) from None
        except ImportError as error:
            raise InputError(f"a worker has no nvmsim like the client's ({error}); what was done is stored") from None

    def _count(self) -> None:
        """Ask how many workers there are, now and then; say so as long as there are none."""
        now = monotonic()
        if now - self._asked_at < POLL_S:
            return
        self.workers, self._asked_at = self._ask(self._client.scheduler.identity, n_workers=0)["n_workers"], now
        if self.workers:
            self._lonely_since = 0.0
        elif not self._lonely_since:
            self._lonely_since, self._say_at = now, now + LONELY_S[0]
        elif now >= self._say_at:
            self._say_at = now + LONELY_S[1]
            print(_NO_WORKERS.format(where=self._scheduler, seconds=now - self._lonely_since), file=sys.stderr)

    def _ask(self, question: Callable, *args: Any, wait_s: float = ANSWER_S, **options: Any) -> Any:
        if self._client.status != "running":
            raise self._lost("connection lost")
        try:
            return self._client.sync(question, *args, callback_timeout=wait_s, **options)
        except (OSError, RuntimeError) as error:
            raise self._lost(str(error) or f"no answer within {wait_s:g} s") from None

    def _lost(self, why: str) -> InputError:
        return InputError(
            f"--scheduler: {self._scheduler}: went away ({why}): what was done is stored; start it again, then run "
            "again to go on"
        )


_NO_WORKERS = (
    "nvmsim: {where}: no workers for {seconds:.0f} s; waiting for some to join "
    "(`dask worker ADDRESS --nthreads 1`); Ctrl-C to stop"
)


def _packed(sources: Mapping[str, Any], backend: str) -> bytes:
    """Pickle by value what lives in a script or a function, which workers cannot import."""
    try:
        return cloudpickle.dumps((_absolute(sources), backend, plugins.registered()))
    except Exception as error:  # pickle lets errors of any class through
        raise InputError(f"--scheduler: a model or plug-in cannot be sent to workers ({error})") from error


def _absolute(sources: Mapping[str, Any]) -> dict[str, Any]:
    """Name the files of cards by their full path: workers run in a folder of their own."""
    cards = {name: source for name, source in sources.items() if getattr(source, "weights_path", None)}
    moved = {name: replace(card, weights_path=card.weights_path.resolve()) for name, card in cards.items()}
    return {**sources, **moved}


def _drained(landed: SimpleQueue) -> list[Future]:
    """Wait for the first and take all that are there; none if there is none within POLL_S."""
    found: list[Future] = []
    with suppress(Empty):
        found.append(landed.get(timeout=POLL_S))
        while True:
            found.append(landed.get_nowait())
    return found


def _leave(client: Client) -> None:
    with suppress(Exception):  # it is being left because it does not answer, perhaps
        client.close(timeout=CLOSE_S)


def _stop(cluster: LocalCluster) -> None:
    """Kill the workers before the cluster is asked to close: it would wait for the work that they are at."""
    for nanny in cluster.workers.values():
        nanny.close_gracefully()  # otherwise it starts another worker
        if nanny.pid:
            with suppress(ProcessLookupError):
                os.kill(nanny.pid, signal.SIGKILL)
    with suppress(Exception):
        cluster.close(timeout=CLOSE_S)
