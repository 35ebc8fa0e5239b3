"""What a Dask worker does for a study: it keeps one workbench and runs the pieces that it is sent."""

import pickle
import threading
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from nvmsim import plugins
from nvmsim.accuracy.machine import KIND, this_machine
from nvmsim.accuracy.records import Trial
from nvmsim.accuracy.task import Task
from nvmsim.accuracy.workbench import Work, Workbench
from nvmsim.errors import InputError

_turn = threading.Lock()  # a worker may have many threads; counts are those of one


def about() -> dict[str, str]:
    """Return what must be equal where pieces of one study are run: nvmsim's version and the kind of machine."""
    return {"nvmsim": version("nvmsim"), **this_machine()}


def refuse_unlike(here: Mapping[str, str], there: Mapping[str, str], *, where: str) -> None:
    """Raise InputError, naming the worker ``where``, if it would count otherwise than the client ``here``."""
    unlike = [key for key in ("nvmsim", *KIND) if here.get(key) != there.get(key)]
    if unlike:
        raise InputError(
            f"worker {where}: {', '.join(f'{key} {there.get(key)!r}, not {here.get(key)!r}' for key in unlike)}: must "
            "be what the client has, or counts could differ; what was done is stored"
        )


def run_work(study: str, work: bytes) -> Trial:
    """Run a pickled piece of the work of ``study`` on this worker; raises InputError as a workbench does."""
    return get_worker().plugins[study].run(work)


class Study(WorkerPlugin):
    """One study on one worker. Dask hands it to every worker, also to those that join later.

    ``payload`` is the pickle of (sources, backend, registered plug-ins), ``client`` what :func:`about` says there. Both
    it and the work stay bytes until versions are compared: another nvmsim may not be able to read them.
    """

    def __init__(self, payload: bytes, client: Mapping[str, str]) -> None:
        self._payload, self._client = payload, client
        self._loaded: tuple[Mapping[str, Any], Mapping, Workbench] | None = None
        self._checked: set[str] = set()
        self._where = ""

    def setup(self, worker: Worker) -> None:
        """Note on which worker this is; the first piece of work does what is slow or can fail."""
        self._where = worker.address

    def teardown(self, worker: Worker) -> None:
        """Let go of networks and images."""
        self._loaded, self._payload = None, b""

    def run(self, work: bytes) -> Trial:
        """Run one pickled piece of work; raises InputError if this worker is unlike the client or lacks files."""
        with _turn:
            if self._loaded is None:
                self._loaded = self._load()
            sources, known, bench = self._loaded
            plugins.adopt(known)  # another study on this worker may have other parts of the same name
            piece: Work = pickle.loads(work)
            self._check(sources[piece.task.model], piece.task)
            return bench.run(piece)

    def _load(self) -> tuple[Mapping[str, Any], Mapping, Workbench]:
        refuse_unlike(self._client, about(), where=self._where)
        try:
            sources, backend, known = pickle.loads(self._payload)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"worker {self._where}: cannot load the models or plug-ins ({error}): it needs the packages and "
                "modules that the client has"
            ) from error
        return sources, known, Workbench(sources, backend)

    def _check(self, source: Any, task: Task) -> None:
        """Compare files with what the client measured on: they lie at the same path, perhaps with other contents."""
        if task.model in self._checked:
            return
        from nvmsim.zoo.card import Card

        if isinstance(source, Card):
            try:
                _check_card(source, task)
            except InputError as error:
                raise InputError([f"worker {self._where}: {problem}" for problem in error.problems]) from error
        self._checked.add(task.model)


def _check_card(card: Any, task: Task) -> None:
    from nvmsim.zoo.tensors import file_sha256

    if not card.weights_path.is_file():
        raise InputError(f"{card.weights_path}: there is no such file; a worker needs a copy at the client's path")
    if file_sha256(card.weights_path) != task.weights_sha256:
        raise InputError(f"{card.weights_path}: not the weights that the client has there")
    if replace(card).data_sha256 != task.data_sha256:
        raise InputError(f"data set {card.dataset}: not the files that the client has")
