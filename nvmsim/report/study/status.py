"""A study's forecast and state as text."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from nvmsim.accuracy.allocation import REASONS
from nvmsim.accuracy.estimate import Estimate
from nvmsim.report.csv_text import csv_text
from nvmsim.report.formats import clean
from nvmsim.report.study.names import setting_name
from nvmsim.study.grid.forecast import Forecast
from nvmsim.study.grid.outcomes import progress_of
from nvmsim.study.grid.questions import Asked
from nvmsim.study.grid.spec import Study
from nvmsim.text_table import aligned

NOT_BEGUN = "not begun"


def render_forecast(study: Study, found: Sequence[Forecast], *, workers: int) -> str:
    """Return what ``--dry-run`` prints: a line a grid and network, and the hours of all."""
    heading = ("grid", "network", "settings", "tasks", "flips a trial", "images", "ms an image", "hours")
    lines = aligned([heading, *(_forecast_row(one, workers) for one in found)])
    low, high = (sum(hours) for hours in zip(*(one.hours(workers) for one in found), strict=True))
    sampling, tasks = study.sampling, sum(one.tasks for one in found)
    return "\n".join(
        [
            f"{clean(study.name)}: {clean(study.title)}",
            "",
            *lines,
            "",
            f"{tasks:,} tasks, from {low:.2g} to about {high:.2g} hours on {workers} processes;",
            f"8 to {sampling.trials:,} trials a row of 500 images each, and more images where they narrow more",
            f"{sum(one.images_stored for one in found):,} images are stored already and not counted above",
        ]
    )


def _forecast_row(one: Forecast, workers: int) -> tuple[str, ...]:
    low, high = one.hours(workers)
    return (
        one.grid,
        one.model,
        f"{one.settings:,}",
        f"{one.tasks:,}",
        f"{one.flips_low:,.3g} to {one.flips_high:,.3g}",
        f"{one.images_low:,} to {one.images_high:,}",
        f"{1000 * one.seconds_per_image:.2g}",
        f"{low:.2g} to {high:.2g}",
    )


def render_status(
    study: Study,
    asked: Sequence[Asked],
    estimates: Mapping[str, Estimate],
    *,
    stored_images: Mapping[str, int],
    fmt: str = "table",
) -> str:
    """Return what is done of each setting and why its tasks stopped; as JSON or CSV a row a task.

    ``stored_images`` are by task id, also of tasks that have no estimate yet.
    """
    if fmt == "table":
        return _status_table(study, asked, estimates, stored_images)
    rows = [_task_row(one, case, estimates) for one in asked for case in one.cases]
    return json.dumps(rows, indent=2) if fmt == "json" else csv_text(list(rows[0]), rows)


def _task_row(one: Asked, case: object, estimates: Mapping[str, Estimate]) -> dict[str, object]:
    found = estimates.get(case.task.id)
    return {
        "grid": one.point.grid,
        **one.point.varied,
        "scheme": case.scheme.name,
        "mode": case.mode,
        "task_id": case.task.id,
        "trials": found.trials if found else 0,
        "images": found.images if found else 0,
        "stop_reason": REASONS[found.reason] if found else NOT_BEGUN,
    }


def _status_table(
    study: Study, asked: Sequence[Asked], estimates: Mapping[str, Estimate], stored_images: Mapping[str, int]
) -> str:
    progress = progress_of(asked, estimates)
    left = progress.tasks - progress.finished
    lines = [
        f"{clean(study.name)}: {clean(study.title)}",
        f"{progress.finished:,} of {progress.tasks:,} tasks are finished, {progress.begun - progress.finished:,} begun "
        f"of the {left:,} left; {progress.trials:,} trials, {progress.images:,} images put through disturbed networks",
        *_waiting(asked, estimates, stored_images),
        "",
        *aligned([("setting", "rows", "finished", "trials a row", "why they stopped"), *_settings(asked, estimates)]),
    ]
    if left:
        lines += ["", f"nvmsim study {study.name} goes on where it was"]
    return "\n".join(lines)


def _waiting(
    asked: Sequence[Asked], estimates: Mapping[str, Estimate], stored_images: Mapping[str, int]
) -> Iterator[str]:
    ids = {case.task.id for one in asked for case in one.cases} - set(estimates)
    if count := sum(stored_images.get(key, 0) for key in ids):
        yield f"{count:,} images of tasks whose first look is not complete are stored too"


def _settings(asked: Sequence[Asked], estimates: Mapping[str, Estimate]) -> list[tuple[str, ...]]:
    rows = []
    for one in asked:
        found = [estimates.get(case.task.id) for case in one.cases]
        reasons = Counter(estimate.reason if estimate else NOT_BEGUN for estimate in found)
        trials = [estimate.trials for estimate in found if estimate]
        label = setting_name(one.point)
        rows.append(
            (
                label,
                str(len(found)),
                str(sum(estimate is not None and estimate.reason != "open" for estimate in found)),
                f"{min(trials)} to {max(trials)}" if trials else "-",
                ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()),
            )
        )
    return rows
