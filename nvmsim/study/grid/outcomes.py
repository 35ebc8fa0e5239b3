"""Join a study's estimates to what its report shows."""

from collections import Counter
from collections.abc import Mapping, Sequence

from nvmsim.accuracy.allocation import REASONS
from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.stats import NEVER
from nvmsim.accuracy.store import Store
from nvmsim.study.grid.answers import best_of
from nvmsim.study.grid.outcome import Progress, Setting, StudyOutcome
from nvmsim.study.grid.questions import Asked
from nvmsim.study.grid.spec import Study
from nvmsim.study.rows import rows_of
from nvmsim.study.run import result_of
from nvmsim.study.versions import versions


def study_outcome(
    study: Study, asked: Sequence[Asked], store: Store, *, estimates: Mapping[str, Estimate]
) -> StudyOutcome:
    """Return what a study found; ``estimates`` by task id, those of tasks not begun are missing."""
    return StudyOutcome(
        name=study.name,
        title=study.title,
        question=study.question,
        max_drop_points=study.sampling.max_drop_points,
        axes=study.axes,
        settings=tuple(_setting(study, one, store, estimates) for one in asked),
        progress=progress_of(asked, estimates),
        versions=versions(),
        machines=store.machines(),
        text=study.text,
    )


def _setting(study: Study, one: Asked, store: Store, estimates: Mapping[str, Estimate]) -> Setting:
    cases = [case for case in one.cases if case.task.id in estimates]
    lacking = tuple((case.scheme.name, case.mode) for case in one.cases if case.task.id not in estimates)
    if not cases:
        return Setting(grid=one.point.grid, varied=one.point.varied, result=None, best=None, lacking=lacking)
    rows = rows_of(one.question, cases, estimates=estimates, store=store)
    accuracy = estimates[cases[0].task.id].baseline_accuracy
    return Setting(
        grid=one.point.grid,
        varied=one.point.varied,
        result=result_of(one.question, one.cases, rows=rows, float32_accuracy=accuracy),
        best=best_of(rows, max_drop_points=study.sampling.max_drop_points, lacking=lacking),
        lacking=lacking,
    )


def progress_of(asked: Sequence[Asked], estimates: Mapping[str, Estimate]) -> Progress:
    """Return how far the tasks of all settings are."""
    ids = {case.task.id for one in asked for case in one.cases}
    reasons = Counter(estimate.reason for estimate in estimates.values() if estimate.reason != "open")
    return Progress(
        tasks=len(ids),
        finished=sum(reasons.values()),
        begun=len(estimates),
        trials=sum(estimate.trials for estimate in estimates.values()),
        images=sum(map(images_of, estimates.values())),
        flat_images=_flat(asked, estimates),
        reasons={REASONS[key]: count for key, count in reasons.most_common()},
    )


def _flat(asked: Sequence[Asked], estimates: Mapping[str, Estimate]) -> int:
    """Images if every disturbed task had as many as the one of its setting that needed most."""
    most: dict[str, int] = {}
    for one in asked:
        ids = [case.task.id for case in one.cases if case.task.id in estimates]
        ids = [key for key in ids if images_of(estimates[key])]
        widest = max((images_of(estimates[key]) for key in ids), default=0)
        most |= {key: max(widest, most.get(key, 0)) for key in ids}
    return sum(most.values())


def images_of(estimate: Estimate) -> int:
    """Return the images of all trials of a task, none of one that next to nothing disturbs: one pass serves many."""
    return estimate.trials * estimate.images if estimate.sample.change_bound > NEVER else 0
