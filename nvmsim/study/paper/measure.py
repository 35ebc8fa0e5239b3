"""Measure the paper's studies anew, into a store of one's own."""

from collections.abc import Sequence
from statistics import fmean

from nvmsim.accuracy.collect import measure
from nvmsim.accuracy.store import Store
from nvmsim.errors import InputError
from nvmsim.study.paper.points import Point, curves_of, measurements, points_of
from nvmsim.study.paper.sources import Networks
from nvmsim.study.paper.spec import Study


def points_here(studies: Sequence[Study], networks: Networks) -> tuple[Point, ...]:
    """Return the points of all studies whose networks are here."""
    curves = [curve for curve in curves_of(studies) if curve.model in networks.sources]
    return tuple(point for curve in curves for point in points_of(curve, networks.sources))


def measure_studies(
    studies: Sequence[Study],
    store: Store,
    networks: Networks,
    *,
    time_limit_s: float | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> bool:
    """Measure what ``store`` lacks of the studies, and tell whether it is all there now.

    All points fill evenly: trials 0 to 7 of each come first. Raises InputError where a study asks for more images than
    its network's test set has, or none of the networks can run here; Interrupted on Ctrl-C.
    """
    running, blocks = networks.runnable()
    points = points_here(studies, running)
    if not points and running.missing:
        raise InputError([f"{name}: {why}" for name, why in running.missing.items()])
    problems = [
        f"{point.curve.name}: images: {point.curve.images}: the test set of {name} is smaller"
        for point in points
        if point.plan.blocks > blocks[name := point.curve.model]
    ]
    if problems:
        raise InputError(sorted(set(problems)))
    return measure(
        measurements(points, blocks=blocks),
        store=store,
        sources=running.sources,
        time_limit_s=time_limit_s,
        workers=workers,
        progress=progress,
    )


def expected_full(studies: Sequence[Study], store: Store, networks: Networks, *, workers: int) -> str:
    """Say about how long measuring what ``store`` lacks takes, from the blocks of each network that it holds."""
    missing: dict[str, int] = {}
    seconds: dict[str, list[float]] = {}
    widest = {}  # studies share tasks
    for point in points_here(studies, networks):
        most = widest.setdefault(point.task.id, [point, 0, 0])
        most[1:] = max(most[1], point.plan.trials), max(most[2], point.plan.blocks)
    for point, trials, blocks in widest.values():
        rows, model = store.rows(point.task.id), point.curve.model
        known = rows.blocks if rows else {}
        done = sum(trial < trials and block < blocks for trial, block in known)
        missing[model] = missing.get(model, 0) + trials * blocks - done
        seconds.setdefault(model, []).extend(count.seconds for count in known.values())
    parts = []
    for model, blocks in missing.items():
        if blocks:
            time = (
                f"about {blocks * fmean(seconds[model]) / workers / 60:.0f} min" if seconds[model] else "time unknown"
            )
            parts.append(f"{model}: {blocks:,} blocks of images, {time}")
    return f"to measure on {workers} cores: {'; '.join(parts) or 'nothing, all is stored'}"
