"""Small curves on the ridge network for the tests of the paper's studies."""

from ridge_network import ridge_model

from nvmsim.accuracy.allocation import Plan
from nvmsim.accuracy.collect import measure
from nvmsim.study.paper.outcome import Rows, curve_outcome
from nvmsim.study.paper.points import points_of
from nvmsim.study.paper.sources import Networks
from nvmsim.study.paper.spec import Curve, Quoted

RATES = (0.0, 2e-3, 5e-3, 1e-2, 2e-2)


def curve(name="raw", encoding="binary:16", *, rber=RATES, paper=None, **changes) -> Curve:
    settings = {
        "model": "ridge",
        "range_scope": "global",
        "layers": (),
        "rung_rber": 0.05,
        "trials": 12,
        "images": 2000,
        "seed": 0,
    }
    return Curve(name=name, encoding=encoding, rber=tuple(rber), paper=paper, **settings | changes)


def networks() -> Networks:
    return Networks({"ridge": ridge_model()}, {"absent": "it is nowhere"})


def measured(store, *curves, trials=None):
    """Measure curves into a store, with fewer trials than they ask for where told."""
    found = networks()
    points = [point for one in curves for point in points_of(one, found.sources)]
    plans = [
        (point.task, Plan(min(trials or point.plan.trials, point.plan.trials), point.plan.blocks)) for point in points
    ]
    baselines = {point.task.baseline: Plan(1, 4) for point in points}
    measure([*baselines.items(), *plans], store=store, sources=found.sources, workers=1)
    return points


def outcome(store, one: Curve):
    return curve_outcome(one, Rows(store), networks())


def quoted(accuracy=(), robustness=None) -> Quoted:
    return Quoted(place="here", accuracy=tuple(accuracy), robustness=robustness)
