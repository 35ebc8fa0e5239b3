"""Set `nvmsim robustness` beside the paper's way: 40 distorted models on the whole test set at every rate of a grid.

``python tools/compare_robustness.py [FLAT.sqlite [SEARCH.sqlite]]``: full trials are read from the first store (the
shipped one by default; the rates are those of the study figure-9), the search measures into the second what it lacks.
"""

import sys
from pathlib import Path

from nvmsim.accuracy.allocation import Plan
from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.crossing import Crossing, crossing
from nvmsim.accuracy.estimate import sample_of
from nvmsim.accuracy.stats import Interval, Sample, accuracy_interval, t_half_width
from nvmsim.accuracy.store import Store
from nvmsim.report.robustness import rber
from nvmsim.study.paper.load import load_study, shipped_store
from nvmsim.study.paper.spec import Curve
from nvmsim.study.robustness import PAPER_TRIALS, RobustnessRow, robustness
from nvmsim.text_table import aligned
from nvmsim.zoo.card import load_card

MODEL, STUDY, X = "mnist-cnn", "figure-9", 0.95
SCHEMES = {"binary:16": "raw", "binary:16+parity-nulling": "nulling"}
# Of R: no wider than Student's interval from 40 full trials.
PRECISION = {"raw": 0.12, "nulling": 0.09}


def flat_samples(curve: Curve, store: Store) -> list[tuple[float, Sample]]:
    """Return the curve's rates above 0 with their full trials; fewer where the store lacks some."""
    card, found = load_card(MODEL), []
    listed = dict(curve.paper.accuracy) or dict.fromkeys(curve.rber)  # the paper's rates, or ours where it lists none
    for rate in (rate for rate in listed if rate > 0):
        task = bsc_task(card, curve.encoding, rber=rate, rung_rber=curve.rung_rber)
        rows, baseline = store.rows(task.id), store.rows(task.baseline.id)
        whole = Plan(PAPER_TRIALS, baseline.facts.blocks)
        if rows is not None and all(pair in rows.blocks for pair in whole.pairs()):
            found.append((rate, sample_of(rows, baseline, plan=whole)))
    return found


def of_limits(samples: list[tuple[float, Sample]], limits) -> Crossing:  # noqa: ANN001
    target = X * samples[0][1].baseline_accuracy
    return crossing([(rate, limits(sample)) for rate, sample in samples], target=target)


def student(sample: Sample) -> Interval:
    """Return Student's interval of the mean over trials, which allows for no collapse that was not seen."""
    mean, half = float(sample.accuracies.mean()), float(t_half_width(sample.accuracies))
    return Interval(mean, mean - half, mean + half)


def equal_trials(samples: list[tuple[float, Sample]], width: float) -> int:
    """Predict the full trials a rate at which the paper's way gives an interval of R as narrow as ``width``."""
    for trials in range(PAPER_TRIALS, 4000, 8):
        as_if = [(rate, accuracy_interval(sample, as_if=(trials, sample.blocks))) for rate, sample in samples]
        if crossing(as_if, target=X * samples[0][1].baseline_accuracy).relative_width <= width:
            return trials
    return 4000


def lines_of(name: str, samples: list[tuple[float, Sample]], row: RobustnessRow) -> list[tuple[str, ...]]:
    images = samples[0][1].prefix_images * len(samples)
    equal = equal_trials(samples, row.relative_width)
    ours = f"{rber(row.rber)} [{rber(row.low)}, {rber(row.high)}]"
    said = [
        (
            f"{PAPER_TRIALS} full trials x {len(samples)} rates, our interval",
            of_limits(samples, accuracy_interval),
            PAPER_TRIALS,
        ),
        (f"{PAPER_TRIALS} full trials x {len(samples)} rates, Student's t", of_limits(samples, student), PAPER_TRIALS),
    ]
    lines = [
        (name, what, f"{rber(found.rate)} [{rber(found.low)}, {rber(found.high)}]", _percent(found.relative_width),
         f"{trials * images:,}", f"{trials * images / row.images:.1f}")
        for what, found, trials in said
    ]  # fmt: skip
    lines.append(
        (
            name,
            f"nvmsim robustness: {row.trials} trials a rate",
            ours,
            _percent(row.relative_width),
            f"{row.images:,}",
            "1",
        )
    )
    lines.append(
        (
            name,
            f"{equal} full trials would be as narrow",
            "",
            _percent(row.relative_width),
            f"{equal * images:,}",
            f"{equal * images / row.images:.0f}",
        )
    )
    return lines


def _percent(width: float) -> str:
    return "open" if width == float("inf") else f"{100 * width:.1f} %"


def comparison(flat: str | Path, search: str | Path) -> str:
    """Return the table: one scheme after the other, the paper's way and ours."""
    study = load_study(shipped_store().parent / f"{STUDY}.yaml")
    found = {
        scheme: robustness(MODEL, x=X, schemes=scheme, precision=precision, store=search, progress=True).rows[0]
        for scheme, precision in PRECISION.items()
    }
    rows = [("scheme", "measured", "R(0.95) [95 % interval]", "width", "images", "times ours")]
    with Store(flat, read_only=flat == shipped_store()) as store:
        for curve in study.curves:
            samples = flat_samples(curve, store)
            row = found[SCHEMES[curve.encoding]]
            rows += (
                lines_of(row.scheme, samples, row)
                if samples
                else [(row.scheme, "full trials are not stored", "", "", "", "")]
            )
    return "\n".join(aligned(rows))


if __name__ == "__main__":
    given = sys.argv[1:]
    print(
        comparison(
            given[0] if given else shipped_store(), given[1] if len(given) > 1 else "nvmsim-results/trials.sqlite"
        )
    )
