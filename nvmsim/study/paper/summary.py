"""Table VIII: R(0.95) without and with nulling, drawn from other studies' curves."""

from collections.abc import Mapping
from dataclasses import dataclass

from nvmsim.study.paper.outcome import CurveOutcome, Robustness
from nvmsim.study.paper.spec import SummaryRow, SummaryStudy


@dataclass(frozen=True)
class SummaryEntry:
    """A row: R without and with nulling (None: not measured), and why where it is not."""

    row: SummaryRow
    without: Robustness | None
    nulling: Robustness | None
    missing: str

    @property
    def gain(self) -> float | None:
        """How many times as many errors nulling survives, at R(0.95); None where either is not met."""
        if self.without is None or self.nulling is None:
            return None
        met = self.without.narrow.relation == self.nulling.narrow.relation == "="
        return self.nulling.narrow.rate / self.without.narrow.rate if met else None


@dataclass(frozen=True)
class SummaryOutcome:
    """Table VIII."""

    study: SummaryStudy
    entries: tuple[SummaryEntry, ...]


def summary_outcome(study: SummaryStudy, curves: Mapping[tuple[str, str], CurveOutcome]) -> SummaryOutcome:
    """Return the rows of a summary; ``curves`` are those of the studies it names, by (study, curve)."""
    return SummaryOutcome(study, tuple(_entry(row, curves) for row in study.rows))


def _entry(row: SummaryRow, curves: Mapping[tuple[str, str], CurveOutcome]) -> SummaryEntry:
    without, nulling = curves[row.study, row.without], curves[row.study, row.nulling]
    missing = next((curve.missing for curve in (without, nulling) if curve.missing), "")
    return SummaryEntry(row, without.robustness, nulling.robustness, missing)
