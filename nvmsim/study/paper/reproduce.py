"""Draw the paper's tables and figures from a store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nvmsim.accuracy.store import Store
from nvmsim.study.paper.claims import ClaimOutcome, claim_outcome
from nvmsim.study.paper.distortion import DistortionOutcome, distortion_outcome
from nvmsim.study.paper.load import load_studies
from nvmsim.study.paper.outcome import CurveOutcome, Rows, curve_outcome
from nvmsim.study.paper.points import curves_of
from nvmsim.study.paper.sources import Networks
from nvmsim.study.paper.spec import AccuracyStudy, Study, SummaryStudy
from nvmsim.study.paper.summary import SummaryOutcome, summary_outcome


@dataclass(frozen=True)
class AccuracyOutcome:
    """A study of accuracy: its curves and the paper's sentences about them."""

    study: AccuracyStudy
    curves: tuple[CurveOutcome, ...]
    claims: tuple[ClaimOutcome, ...]


Outcome = AccuracyOutcome | SummaryOutcome | DistortionOutcome


@dataclass(frozen=True)
class Provenance:
    """Who counted what is shown: the machines, the first and last day, and how many trials and images."""

    machines: tuple[dict[str, Any], ...]
    first: str
    last: str
    trials: int
    images: int


@dataclass(frozen=True)
class Reproduction:
    """The outcomes of the studies that were asked for, in the paper's order, and where their counts come from."""

    outcomes: tuple[Outcome, ...]
    provenance: Provenance


def with_sources(studies: Sequence[Study]) -> tuple[Study, ...]:
    """Return the studies and those that their summaries draw on, in the paper's order."""
    known = {study.name for study in studies}
    summaries = [study for study in studies if isinstance(study, SummaryStudy)]
    more = {row.study for study in summaries for row in study.rows} - known
    every = [*studies, *(load_studies(sorted(more)) if more else ())]
    return tuple(sorted(every, key=lambda study: (study.order, study.name)))


def reproduce(studies: Sequence[Study], store: Store, networks: Networks, *, quick: bool = False) -> Reproduction:
    """Return what ``store`` says about the studies; nothing is measured.

    ``networks`` are those of all studies' curves; ``quick`` leaves out the slow exact distortions.
    """
    rows, every = Rows(store), with_sources(studies)
    curves = {
        (study.name, curve.name): curve_outcome(curve, rows, networks)
        for study in every
        if isinstance(study, AccuracyStudy)
        for curve in study.curves
    }
    outcomes = tuple(_outcome(study, curves, quick) for study in studies)
    return Reproduction(outcomes, _provenance(studies, store, rows, curves))


def _outcome(study: Study, curves: dict[tuple[str, str], CurveOutcome], quick: bool) -> Outcome:
    if isinstance(study, SummaryStudy):
        return summary_outcome(study, curves)
    if isinstance(study, AccuracyStudy):
        own = {curve.name: curves[study.name, curve.name] for curve in study.curves}
        claims = tuple(claim_outcome(claim, own) for claim in study.claims)
        return AccuracyOutcome(study, tuple(own.values()), claims)
    return distortion_outcome(study, quick=quick)


def _provenance(
    studies: Sequence[Study], store: Store, rows: Rows, curves: dict[tuple[str, str], CurveOutcome]
) -> Provenance:
    shown = {point.point.task.id for curve in curves.values() for point in curve.measured}
    known = [rows.of(task_id) for task_id in sorted(shown)]
    runs = store.runs()
    days = sorted(day[:10] for run in runs for day in (run["started"], run["ended"]) if day) or [""]
    return Provenance(
        machines=store.machines(),
        first=days[0],
        last=days[-1],
        trials=sum(len(task.trials) for task in known),
        images=sum(count.images for task in known for count in task.blocks.values()),
    )


def networks_of(studies: Sequence[Study]) -> Networks:
    """Return the networks of the studies and of those that their summaries draw on."""
    return Networks.of(curves_of(with_sources(studies)))
