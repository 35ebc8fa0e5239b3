"""Run a study, or say what is stored of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nvmsim import defaults
from nvmsim.accuracy.collect import collect, collected
from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.task import Task
from nvmsim.study.grid.load import load_study
from nvmsim.study.grid.outcome import StudyOutcome
from nvmsim.study.grid.outcomes import study_outcome
from nvmsim.study.grid.questions import Asked, questions_of
from nvmsim.study.grid.settle import Settling
from nvmsim.study.grid.spec import Study

if TYPE_CHECKING:
    from nvmsim.zoo.card import Card
    from nvmsim.zoo.model import Model

NOTE = "study:"


def study(
    where: str | Path,
    *,
    models: "Mapping[str, Card | Model] | None" = None,
    time_limit_s: float | None = None,
    backend: str = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
    store: str | Path = defaults.RESULTS / "trials.sqlite",
    progress: bool = False,
) -> StudyOutcome:
    """Run a study from its file, or bundled name, and return what it found.

    ``models`` are networks of your own by the names that the file uses. Trials are kept in ``store`` and never measured
    twice; ``time_limit_s`` ends sampling early, so that a later call may go on. Raises InputError with every problem,
    Interrupted on Ctrl-C.
    """
    read = load_study(where)
    asked = questions_of(read, models=models, backend=backend, workers=workers)
    with Store(Path(store)) as opened:
        run_study(read, asked, opened, time_limit_s=time_limit_s, scheduler=scheduler, progress=progress)
        return study_outcome(read, asked, opened, estimates=stored(read, asked, opened))


def run_study(
    study: Study,
    asked: Sequence[Asked],
    store: Store,
    *,
    time_limit_s: float | None = None,
    scheduler: str | None = None,
    progress: bool = False,
) -> None:
    """Measure what ``store`` lacks of a study, and keep the study's text there.

    ``scheduler`` is the address of a Dask scheduler whose workers do the work, or "local-cluster". Raises InputError
    where it is lost or the store cannot be written, Interrupted on Ctrl-C.
    """
    store.set_note(f"{NOTE}{study.name}", {"text": study.text, "folder": study.folder})
    first = asked[0].question
    collect(
        tasks_of(asked),
        store=store,
        sources={one.question.model.name: one.question.model for one in asked},
        time_limit_s=time_limit_s,
        workers=first.workers,
        scheduler=scheduler,
        backend=first.backend,
        progress=progress,
        more_time=True,
        **_how(study, asked, store),
    )


def stored(study: Study, asked: Sequence[Asked], store: Store) -> dict[str, Estimate]:
    """Return the estimates that the stored trials give, by task id; nothing is measured."""
    return collected(tasks_of(asked), store=store, **_how(study, asked, store))


def tasks_of(asked: Sequence[Asked]) -> list[Task]:
    """Return the tasks of all settings, each once."""
    return list({case.task.id: case.task for one in asked for case in one.cases}.values())


def _how(study: Study, asked: Sequence[Asked], store: Store) -> dict:
    sampling = study.sampling
    return {
        "trials": sampling.trials,
        "precision": sampling.precision,
        "target": sampling.target,
        "settled": Settling(asked, sampling, store),
    }
