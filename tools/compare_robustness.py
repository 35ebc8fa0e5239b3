"""Set `nvmsim robustness` beside the paper's way: 40 distorted models on the whole test set at every rate of a grid.

``python tools/compare_robustness.py [MODEL [FLAT.sqlite [SEARCH.sqlite]]]``: full trials of the model's study (STUDIES)
are read from the first store (the shipped one by default), the search measures into the second what it lacks.
"""

import math
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from nvmsim.accuracy.allocation import Plan
from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.crossing import EQUAL, Crossing, crossing, losing_rates
from nvmsim.accuracy.estimate import sample_of
from nvmsim.accuracy.stats import Interval, Sample, accuracy_interval, t_half_width
from nvmsim.accuracy.store import Store
from nvmsim.defaults import RESULTS
from nvmsim.report.robustness import rber
from nvmsim.study.paper.load import load_study, shipped_store
from nvmsim.study.paper.spec import Curve
from nvmsim.study.robustness import PAPER_TRIALS, RobustnessRow, robustness
from nvmsim.text_table import aligned
from nvmsim.zoo.card import load_card

X = 0.95
STUDIES = {"mnist-cnn": "figure-9", "imdb-lstm": "figure-13", "cifar10-vgg": "figure-11"}
SCHEMES = {"binary:16": "raw", "binary:16+parity-nulling": "nulling"}
NARROWEST, WIDEST = 0.05, 1.0  # of R: the precision asked for stays within what a user would ask
MOST = 4000  # full trials a rate, in the prediction


def flat_samples(curve: Curve, store: Store) -> list[tuple[float, Sample]]:
    """Return the full trials at the paper's rates, or at all of the curve's where those do not enclose our R."""
    listed = measured(curve, store, rates=[rate for rate, _ in curve.paper.accuracy])
    if listed and of_limits(listed, student).relation == EQUAL:
        return listed
    return measured(curve, store, rates=curve.rber)


def measured(curve: Curve, store: Store, *, rates: Sequence[float]) -> list[tuple[float, Sample]]:
    """Return the rates above 0 with their full trials; fewer where the store lacks some."""
    card, found = load_card(curve.model), []
    for rate in (rate for rate in rates if rate > 0):
        task = bsc_task(card, curve.encoding, rber=rate, rung_rber=curve.rung_rber, layers=curve.layers)
        rows, baseline = store.rows(task.id), store.rows(task.baseline.id)
        whole = Plan(PAPER_TRIALS, baseline.facts.blocks)
        if rows is not None and all(pair in rows.blocks for pair in whole.pairs()):
            found.append((rate, sample_of(rows, baseline, plan=whole)))
    return found


def precision_of(samples: list[tuple[float, Sample]]) -> float:
    """Return the width to ask the search for: no wider than Student's interval from the full trials."""
    width = of_limits(samples, student).relative_width
    return math.floor(1000 * min(max(width, NARROWEST), WIDEST)) / 1000


def of_limits(samples: list[tuple[float, Sample]], limits) -> Crossing:  # noqa: ANN001
    undistorted = samples[0][1].baseline_accuracy
    points = [(rate, limits(sample)) for rate, sample in samples]
    bends = losing_rates([(rate, student(sample)) for rate, sample in samples], undistorted)
    return crossing(points, target=X * undistorted, undistorted=undistorted, bends=bends)


def student(sample: Sample) -> Interval:
    """Return Student's interval of the mean over trials, which allows for no collapse that was not seen."""
    mean, half = float(sample.accuracies.mean()), float(t_half_width(sample.accuracies))
    return Interval(mean, mean - half, mean + half)


def equal_trials(samples: list[tuple[float, Sample]], width: float) -> int | None:
    """Predict the full trials a rate at which the paper's way gives an interval of R as narrow; None: beyond MOST."""
    for trials in range(PAPER_TRIALS, MOST, 8):
        if of_limits(samples, partial(accuracy_interval, as_if=(trials, samples[0][1].blocks))).relative_width <= width:
            return trials
    return None


def lines_of(scheme: str, samples: list[tuple[float, Sample]], row: RobustnessRow) -> list[tuple[str, ...]]:
    images, spent = samples[0][1].prefix_images * len(samples), row.images
    grid = f"{PAPER_TRIALS} full trials x {len(samples)} rates"
    equal, ours = equal_trials(samples, row.relative_width), _percent(row.relative_width)
    counts = (f"{equal * images:,}", f"{equal * images / spent:.0f}") if equal else ("", "")
    flat = f"{PAPER_TRIALS * images:,}", f"{PAPER_TRIALS * images / spent:.1f}"
    return [
        (scheme, f"{grid}, our interval", *_found(of_limits(samples, accuracy_interval)), *flat),
        (scheme, f"{grid}, Student's t", *_found(of_limits(samples, student)), *flat),
        (scheme, f"nvmsim robustness: {row.trials} trials a rate", _range(row.rber, row.low, row.high), ours,
         f"{spent:,}", "1"),
        (scheme, f"{equal or f'more than {MOST}'} full trials would be as narrow", "", ours, *counts),
    ]  # fmt: skip


def _found(found: Crossing) -> tuple[str, str]:
    return _range(found.rate, found.low, found.high), _percent(found.relative_width)


def _range(rate: float, low: float | None, high: float | None) -> str:
    return f"{rber(rate)} [{rber(low)}, {rber(high)}]"


def _percent(width: float) -> str:
    return "open" if width == float("inf") else f"{100 * width:.1f} %"


def comparison(model: str, flat: str | Path, search: str | Path) -> str:
    """Return the table: one scheme after the other, the paper's way and ours."""
    study = load_study(shipped_store().parent / f"{STUDIES[model]}.yaml")
    rows = [("scheme", "measured", f"R({X}) [95 % interval]", "width", "images", "times ours")]
    with Store(flat, read_only=flat == shipped_store()) as store:
        for curve in study.curves:
            samples = flat_samples(curve, store)
            rows += _compared(curve, samples, search) if samples else [(curve.name, "not stored", "", "", "", "")]
    return "\n".join(aligned(rows))


def _compared(curve: Curve, samples: list[tuple[float, Sample]], search: str | Path) -> list[tuple[str, ...]]:
    scheme, precision = SCHEMES[curve.encoding], precision_of(samples)
    print(f"{curve.model}, {scheme}: searched to {precision:g} R", file=sys.stderr)
    found = robustness(
        curve.model, x=X, schemes=scheme, layers=curve.layers, precision=precision, store=search, progress=True
    )
    return lines_of(scheme, samples, found.rows[0])


if __name__ == "__main__":
    given = sys.argv[1:]
    network = given[0] if given else next(iter(STUDIES))
    stores = given[1] if len(given) > 1 else shipped_store(), given[2] if len(given) > 2 else RESULTS / "trials.sqlite"
    print(comparison(network, *stores))
