"""What is stored beside what the paper says: as many trials as there are, and verdicts that mean one thing."""

from dataclasses import replace

import numpy as np
import pytest
from paper_curves import curve, measured, networks, outcome, quoted

from nvmsim.accuracy.allocation import Plan
from nvmsim.accuracy.collect import measure
from nvmsim.accuracy.crossing import Crossing
from nvmsim.accuracy.stats import Sample, t_half_width
from nvmsim.accuracy.store import Store
from nvmsim.report.paper.rows import scope_rows
from nvmsim.report.paper.titles import scope_effects
from nvmsim.study.paper.agreement import PAPER_MODELS, compare, compare_robustness, tolerance
from nvmsim.study.paper.claims import claim_outcome
from nvmsim.study.paper.points import curves_of, measurements, points_of
from nvmsim.study.paper.reproduce import AccuracyOutcome, reproduce, with_sources
from nvmsim.study.paper.spec import AccuracyStudy, Claim, SummaryRow, SummaryStudy
from nvmsim.study.paper.summary import summary_outcome

RAW, HAMMING = curve(), curve("hamming", "hamming:16")
NULLING = curve("nulling", "binary:16+parity-nulling")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("paper") / "trials.sqlite") as store:
        measured(store, RAW, HAMMING, NULLING)
        yield store


def test_a_point_is_the_mean_of_its_stored_trials(store):
    found = outcome(store, RAW)
    point = found.points[2]
    rows = store.rows(point.point.task.id)
    right = [sum(rows.blocks[trial, block].correct for block in range(4)) for trial in range(12)]
    assert point.estimate.mean == pytest.approx(np.mean(right) / 2000)
    assert (point.estimate.trials, point.estimate.images) == (12, 2000)
    assert found.points[0].estimate.trials == 1  # at RBER 0 every trial is the same
    assert point.whole_test_set
    assert point.bit_errors == pytest.approx(5e-3 * 16 * 50_890, rel=0.03)


def test_trials_that_are_not_complete_do_not_count(tmp_path):
    with Store(tmp_path / "trials.sqlite") as store:
        points = measured(store, RAW, trials=3)
        measure([(points[1].task, Plan(5, 1))], store=store, sources=networks().sources, workers=1)
        trials = [point.estimate.trials for point in outcome(store, RAW).points]
    assert trials == [1, 3, 3, 3, 3]


def test_what_is_not_measured_says_so(store):
    absent = outcome(store, curve(model="absent"))
    assert (absent.measured, absent.robustness, absent.missing) == ((), None, "it is nowhere")
    other = outcome(store, curve(encoding="gray:16"))
    assert other.missing == "none of its trials is stored"
    wider = outcome(store, curve(rber=(2e-3, 3e-3)))
    assert [point.estimate is None for point in wider.points] == [False, True]


def test_robustness_lies_where_the_mean_falls_below_95_percent(store):
    found = outcome(store, replace(RAW, paper=quoted(robustness=(2e-3, 5e-3))))
    means = {point.rber: point.estimate.mean for point in found.points}
    target = 0.95 * found.float32
    r = found.robustness
    assert r.target == pytest.approx(target)
    below = min(rate for rate, mean in means.items() if rate and mean < target)
    assert r.narrow.rate <= below
    assert r.narrow.on_grid == max((rate for rate, mean in means.items() if rate and mean >= target), default=None)
    assert r.narrow.rate == r.wide.rate
    for side, wide, narrow in (("low", r.wide.low, r.narrow.low), ("high", r.wide.high, r.narrow.high)):
        if wide is not None and narrow is not None:
            assert (wide <= narrow) == (side == "low") or wide == narrow


def test_two_equally_robust_networks_agree_in_95_of_100_cases():
    random = np.random.default_rng(11)
    blocks, images, agreed, rounds = 20, 10_000, 0, 400
    for _ in range(rounds):
        means = random.normal(0.95, 0.02, (2, PAPER_MODELS))
        trained = random.normal(0, np.sqrt(0.95 * 0.05 / images), 2)  # each network meets the images in its own way
        ours, theirs = (means + trained[:, None]).clip(0, 1)
        counts = np.repeat((ours[:, None] * 500).round().astype(int), blocks, axis=1)
        sample = Sample(counts, np.full(blocks, 498), np.full(blocks, 500))
        agreed += compare(float(theirs.mean()), sample) == "agree"
    assert 0.92 <= agreed / rounds <= 0.99


def test_the_tolerance_is_what_it_says():
    random = np.random.default_rng(2)
    counts = random.integers(470, 480, (20, 20))
    sample = Sample(counts, np.full(20, 498), np.full(20, 500))
    mean = float(sample.accuracies.mean())
    sampling = float(t_half_width(sample.accuracies)) * np.sqrt(1 + 20 / 40)
    images = 1.959964 * np.sqrt(2 * mean * (1 - mean) / 10_000)
    assert tolerance(sample) == pytest.approx(np.hypot(sampling, images) + 5e-5, rel=1e-6)
    assert compare(mean + 0.99 * tolerance(sample), sample) == "agree"
    assert compare(mean + 1.01 * tolerance(sample), sample) == "differ"


def test_few_trials_decide_nothing():
    wild = Sample(np.array([[300] * 20, [490] * 20]), np.full(20, 498), np.full(20, 500))
    assert compare(0.8, wild) == "undecided"
    one = Sample(np.array([[300] * 20]), np.full(20, 498), np.full(20, 500))
    assert compare(0.1, one) == "undecided"


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Crossing(0.0125, "=", 0.011, 0.014, 0.012), "agree"),
        (Crossing(0.02, "=", 0.018, 0.022, 0.018), "differ"),
        (Crossing(0.009, "=", 0.008, 0.0115, 0.008), "differ"),
        (Crossing(0.0125, "=", 0.011, None, 0.012), "undecided"),
        (Crossing(0.0125, "=", None, 0.014, 0.012), "undecided"),
        (Crossing(0.05, ">", 0.05, None, 0.05), "differ"),
        (Crossing(0.012, "=", 0.002, 0.05, 0.01), "undecided"),
    ],
)
def test_robustness_agrees_where_the_spans_meet(found, verdict):
    assert compare_robustness((0.012, 0.013), found) == verdict


def claimed(store, test, *curves):
    claim = Claim(says="it is so", place="here", test=test, curves=tuple(one.name for one in curves))
    return claim_outcome(claim, {one.name: outcome(store, one) for one in curves})


def test_higher_accuracy_is_decided_by_paired_trials(store):
    assert claimed(store, "higher accuracy", NULLING, RAW).verdict == "agree"
    assert claimed(store, "higher accuracy", RAW, NULLING).verdict == "differ"
    assert claimed(store, "higher accuracy", RAW, RAW).verdict == "undecided"


def test_falling_robustness_compares_spans(store):
    order = claimed(store, "falling robustness", RAW, HAMMING)
    assert order.verdict in ("agree", "undecided")
    assert order.shown.startswith("R(0.95): raw ")
    assert claimed(store, "falling robustness", RAW, RAW).verdict == "undecided"


def test_spread_and_outliers_count_shared_rates_only(store):
    spread = claimed(store, "smaller spread", NULLING, curve("raw", rber=(5e-3, 1e-2)))
    assert spread.shown.count(" at ") == 2
    deviation = [outcome(store, one).points[3].estimate.sample.accuracies.std(ddof=1) for one in (NULLING, RAW)]
    assert f"{100 * deviation[0]:.2f} against {100 * deviation[1]:.2f} at 0.01" in spread.shown
    assert "among 48 trials" in claimed(store, "fewer outliers", NULLING, RAW).shown


def test_a_claim_about_what_was_not_measured_stays_open(store):
    other = curve("other", "gray:16")
    found = claimed(store, "higher accuracy", RAW, other)
    assert (found.verdict, found.shown) == ("undecided", "not measured: other")


def test_few_trials_decide_no_claim(tmp_path):
    with Store(tmp_path / "trials.sqlite") as store:
        measured(store, RAW, HAMMING, trials=4)
        assert claimed(store, "higher accuracy", RAW, HAMMING).verdict == "undecided"


def summary(**changes):
    row = {"name": "it", "study": "own", "without": "raw", "nulling": "nulling"}
    rows = (SummaryRow(**row | changes, paper_without=0.01, paper_nulling=0.02),)
    return SummaryStudy(name="all", order=2, answers="x", title="y", why="", place="here", rows=rows)


def test_a_summary_takes_its_rows_from_curves(store):
    curves = {("own", one.name): outcome(store, one) for one in (RAW, NULLING)}
    (entry,) = summary_outcome(summary(), curves).entries
    assert entry.without == curves["own", "raw"].robustness
    if entry.gain is not None:
        assert entry.gain == entry.nulling.narrow.rate / entry.without.narrow.rate
    absent = replace(curves["own", "raw"], robustness=None, missing="no weights")
    (entry,) = summary_outcome(summary(), curves | {("own", "raw"): absent}).entries
    assert (entry.without, entry.gain, entry.missing) == (None, None, "no weights")


def test_work_is_ordered_so_that_an_interrupt_leaves_balanced_tables():
    points = [point for one in (RAW, NULLING) for point in points_of(one, networks().sources)]
    work = measurements(points, blocks={"ridge": 4})
    assert work[0] == (points[0].task.baseline, Plan(1, 4))
    plans = [plan.trials for _, plan in work[1:]]
    assert plans == [1, 8, 8, 8, 8, 1, 8, 8, 8, 8, 1, 12, 12, 12, 12, 1, 12, 12, 12, 12]


def test_a_reproduction_says_who_counted(store):
    study = AccuracyStudy(
        name="own", order=1, answers="x", title="y", why="", figures=(), boxes=(), float32=None, float32_place="",
        claims=(), curves=(RAW,),
    )  # fmt: skip
    found = reproduce((study,), store, networks())
    assert found.provenance.trials == 49
    assert found.provenance.images == 49 * 2000
    assert found.provenance.machines[0]["torch"]
    assert curves_of(with_sources((study,))) == (RAW,)
    assert len(with_sources((study, summary(study="table-2")))) == 3


def test_scopes_are_compared_among_the_same_layers(store):
    found = outcome(store, RAW)

    def stored(layers, scope, rate):
        rates = replace(found.robustness.narrow, rate=rate, relation="=")
        spec = replace(found.curve, layers=layers, range_scope=scope)
        return replace(found, curve=spec, robustness=replace(found.robustness, narrow=rates))

    curves = [stored((layer,), scope, rate) for layer, scope, rate in (
        ("a", "global", 1e-3), ("a", "tensor", 2e-3), ("b", "global", 1e-2), ("b", "layer", 1e-1),
    )]  # fmt: skip
    study = AccuracyStudy(
        name="own", order=1, answers="x", title="y", why="", figures=(), boxes=(), float32=None, float32_place="",
        claims=(), curves=(),
    )  # fmt: skip
    shown = AccuracyOutcome(study, tuple(curves), ())
    heading, *rows = scope_rows(shown)
    assert heading[:2] == ("network", "errors in") and [row[1] for row in rows] == ["a", "b"]
    assert [cell.split()[0] for cell in rows[0][4:]] == ["0.001", "0.002", "not"]
    assert [cell.split()[0] for cell in rows[1][4:]] == ["0.01", "not", "0.1"]
    assert scope_effects(shown) == (
        "on ridge a the scope changes R(0.95) 2.0 times; on ridge b the scope changes R(0.95) 10 times"
    )
