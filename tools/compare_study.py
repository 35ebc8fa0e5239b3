"""Set a study's adaptive sampling beside a flat grid that leaves no more rows open.

``python tools/compare_study.py [STUDY [STORE.sqlite]]`` runs the study, then measures all of its tasks on ever more
trials, equally many for each, until at most as many rows are open as after the adaptive run: rows that may still
change an answer and are known less well than the study's precision. Both sides share the trials in the store.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nvmsim.accuracy.allocation import FIRST_TRIALS, Plan
from nvmsim.accuracy.collect import measure
from nvmsim.accuracy.estimate import Estimate, estimate_of, sample_of
from nvmsim.accuracy.store import Store
from nvmsim.defaults import RESULTS
from nvmsim.study.grid.answers import best_of
from nvmsim.study.grid.load import load_study
from nvmsim.study.grid.outcomes import images_of
from nvmsim.study.grid.questions import Asked, questions_of
from nvmsim.study.grid.run import run_study, stored, tasks_of
from nvmsim.study.grid.settle import open_rows
from nvmsim.study.grid.spec import Study
from nvmsim.study.rows import difference_of, rows_of
from nvmsim.text_table import aligned

Estimates = Mapping[str, Estimate]


@dataclass(frozen=True)
class Side:
    """One way of sampling: its trials a row, the images of its disturbed rows, the rows left open, and the answers."""

    name: str
    trials: str
    images: int
    open_rows: int
    answers: tuple[str, ...]


def side(name: str, study: Study, asked: Sequence[Asked], store: Store, estimates: Estimates) -> Side:
    """Look at what the estimates of all tasks decide."""
    waiting: set[str] = set()
    answers = []
    for one in asked:
        rows = rows_of(one.question, one.cases, estimates=estimates, store=store)
        waiting |= open_rows(rows, difference_of(rows, estimates), study.sampling)
        best = best_of(rows, max_drop_points=study.sampling.max_drop_points)
        answers.append(best.row.scheme if best.row else "")
    unsure = [key for key in waiting if estimates[key].half_width > study.sampling.precision]
    noisy = [one for one in estimates.values() if images_of(one)]
    trials, images = sorted({one.trials for one in noisy}), sum(map(images_of, noisy))
    span = f"{trials[0]}" if len(trials) == 1 else f"{trials[0]} to {trials[-1]}"
    return Side(name, span, images, len(unsure), tuple(answers))


def flat(adaptive: Estimates, asked: Sequence[Asked], store: Store, *, plan: Plan) -> Estimates:
    """Return the estimates from one plan for all tasks that errors disturb; what is missing is measured."""
    tasks = {task.id: task for task in tasks_of(asked) if images_of(adaptive[task.id])}
    sources = {one.question.model.name: one.question.model for one in asked}
    measure([(task, plan) for task in tasks.values()], store=store, sources=sources, progress=True)
    found = dict(adaptive)
    for key, task in tasks.items():
        rows, baseline = store.rows(key), store.rows(task.baseline.id)
        found[key] = estimate_of(rows, sample_of(rows, baseline, plan=plan), reason="trials")
    return found


def comparison(where: str, path: str | Path) -> str:
    """Return the table: the adaptive run, then flat grids with ever more trials."""
    study = load_study(where)
    asked = questions_of(study)
    with Store(path) as store:
        run_study(study, asked, store, progress=True)
        estimates = stored(study, asked, store)
        sides = [side("adaptive", study, asked, store, estimates)]
        trials = FIRST_TRIALS
        while trials <= study.sampling.trials and (len(sides) == 1 or sides[-1].open_rows > sides[0].open_rows):
            found = flat(estimates, asked, store, plan=Plan(trials, 1))
            sides.append(side("flat", study, asked, store, found))
            trials *= 2
    return "\n".join(aligned([HEADING, *(_line(one, sides[0]) for one in sides)]))


HEADING = ("sampling", "trials a row", "images", "times adaptive", "rows open", "answers as adaptive's")


def _line(one: Side, first: Side) -> tuple[str, ...]:
    equal = sum(a == b for a, b in zip(one.answers, first.answers, strict=True))
    return (
        one.name,
        one.trials,
        f"{one.images:,}",
        f"{one.images / first.images:.2f}",
        f"{one.open_rows:,}",
        f"{equal} of {len(first.answers)}",
    )


if __name__ == "__main__":
    given = sys.argv[1:]
    print(comparison(given[0] if given else "quick", given[1] if len(given) > 1 else RESULTS / "trials.sqlite"))
