"""Run a study, or say what is stored of it."""

from collections.abc import Sequence

from nvmsim.accuracy.collect import collect, collected
from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.task import Task
from nvmsim.study.grid.questions import Asked
from nvmsim.study.grid.settle import Settling
from nvmsim.study.grid.spec import Study

NOTE = "study:"


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
