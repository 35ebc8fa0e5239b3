"""The numbers behind each figure of a study, as CSV at full precision."""

from collections.abc import Iterator, Mapping

from nvmsim.report.csv_text import csv_text
from nvmsim.report.study.figure_boxes import boxed
from nvmsim.report.study.figure_use import uses
from nvmsim.report.study.lifetime import lifetimes
from nvmsim.report.study.names import shown_keys, value_of
from nvmsim.report.study.panels import panels_of
from nvmsim.study.grid.outcome import Setting, StudyOutcome
from nvmsim.study.tradeoff import Row

_DROPS = ("drop_points", "drop_low", "drop_high")
_FRONT = ("bandwidth_gb_s", "bandwidth_error", "speedup", "accuracy", "low", "high", "pareto")


def front_data(outcome: StudyOutcome) -> str:
    """Return every row's throughput and accuracy, those of panels left out too."""
    return _of_rows(outcome, _FRONT)


def lifetime_data(outcome: StudyOutcome) -> str:
    """Return every row's drop and throughput."""
    return _of_rows(outcome, (*_DROPS, "bandwidth_gb_s"))


def heat_data(outcome: StudyOutcome) -> str:
    """Return every row's drop."""
    return _of_rows(outcome, _DROPS)


def span_data(outcome: StudyOutcome) -> str:
    """Return for each panel and scheme the last age surely within the limit, the first surely beyond, the crossing."""
    return _table(_spans(outcome))


def _spans(outcome: StudyOutcome) -> Iterator[Mapping[str, object]]:
    for panel in panels_of(outcome):
        for life in lifetimes(panel, max_drop_points=outcome.max_drop_points):
            ends = {"last_within": life.last, "first_beyond": life.beyond}
            ages = {name: value_of(step.setting, panel.key) if step else None for name, step in ends.items()}
            crossing = life.crossing if panel.numeric else None
            scheme, mode = life.series
            yield (
                {"panel": panel.name, "scheme": scheme, "mode": mode, "age": panel.key} | ages | {"crossing": crossing}
            )


def boxes_data(outcome: StudyOutcome) -> str:
    """Return a line for each trial drawn: its setting, row and points lost."""
    return _table(
        _named(outcome, one.setting, one.row) | {"role": one.role, "trial": trial, "drop_points": drop}
        for one in boxed(outcome)
        for trial, drop in enumerate(one.drops)
    )


def use_data(outcome: StudyOutcome) -> str:
    """Return for each device and way to read it how busy each resource is (1: always), and a page read's times in µs.

    Each line is of the row that the figure shows, under the keys that it has in rows.csv.
    """
    return _table(
        {"device": use.setting.result.device, "model": use.setting.result.model}
        | _named(outcome, use.setting, use.row)
        | {"bottleneck": use.row.bottleneck}
        | {f"busy_{name}": share for name, share in use.row.utilisation.items()}
        | {f"page_read_us_{name}": took for name, took in use.row.page_read_us.items()}
        for use in uses(outcome)
    )


def _of_rows(outcome: StudyOutcome, fields: tuple[str, ...]) -> str:
    return _table(
        _named(outcome, setting, row) | {name: getattr(row, name) for name in fields}
        for setting in outcome.measured
        for row in setting.result.rows
    )


def _named(outcome: StudyOutcome, setting: Setting, row: Row) -> dict[str, object]:
    keys = {key: value_of(setting, key) for key in shown_keys(outcome)}
    return {**keys, "scheme": row.scheme, "mode": row.mode}


def _table(rows: Iterator[Mapping[str, object]]) -> str:
    listed = list(rows)
    return csv_text(list(dict.fromkeys(name for row in listed for name in row)), listed)
