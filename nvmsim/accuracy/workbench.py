"""Where trials are run: networks and compiled tasks, built when first needed and kept while they fit."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nvmsim.accuracy.records import Trial
from nvmsim.accuracy.task import Task

if TYPE_CHECKING:
    from nvmsim.accuracy.compiled import CompiledTask, Slot
    from nvmsim.zoo.card import Card
    from nvmsim.zoo.model import Model
    from nvmsim.zoo.prefix import Activations

KEPT_WEIGHTS = 100_000_000  # of all compiled tasks together; a weight takes about 11 bytes


@dataclass(frozen=True)
class Work:
    """One message to a worker: run trial number ``trial`` of ``task`` on ``blocks`` of images."""

    task: Task
    trial: int
    blocks: tuple[int, ...]


class Workbench:
    """Runs work on the networks of ``sources`` (by the task's ``model``), one torch thread each."""

    def __init__(self, sources: "Mapping[str, Card | Model]", backend: str) -> None:
        self._sources, self._backend = sources, backend
        self._slots: dict[str, Slot] = {}
        self._compiled: OrderedDict[str, CompiledTask] = OrderedDict()

    def run(self, work: Work) -> Trial:
        """Run one piece of work; raises InputError if the task does not fit its network."""
        from nvmsim.accuracy.trial import run_trial

        return run_trial(self._task(work.task), work.trial, work.blocks)

    def _task(self, task: Task) -> "CompiledTask":
        from nvmsim.accuracy.compiled import CompiledTask
        from nvmsim.inject.backend import get_backend

        if task.id not in self._compiled:
            slot, weights = self._slot(task.model), self._sources[task.model].weights
            self._compiled[task.id] = CompiledTask(task, weights, slot=slot, backend=get_backend(self._backend))
            self._forget()
        self._compiled.move_to_end(task.id)
        return self._compiled[task.id]

    def _slot(self, model: str) -> "Slot":
        if model not in self._slots:
            from nvmsim.accuracy.compiled import Slot
            from nvmsim.zoo.network import Network

            self._slots[model] = Slot(Network(self._sources[model], kept=self._kept))
        return self._slots[model]

    @cached_property
    def _kept(self) -> "Activations":
        """One for all networks: memory is bounded by process."""
        from nvmsim.zoo.prefix import Activations

        return Activations()

    def _forget(self) -> None:
        while len(self._compiled) > 1 and sum(task.facts.weights for task in self._compiled.values()) > KEPT_WEIGHTS:
            self._compiled.popitem(last=False)
