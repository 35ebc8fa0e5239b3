"""The columns of a study's two tables: an answer a setting, and every row."""

from collections.abc import Callable
from dataclasses import dataclass

from nvmsim.report.formats import accuracy, clean, drop, factor, number, row_name
from nvmsim.report.study.names import key_heading, shown_keys, value_of, value_text
from nvmsim.study.grid.outcome import Setting, StudyOutcome
from nvmsim.study.tradeoff import Row

Entry = tuple[Setting, Row | None]


@dataclass(frozen=True)
class StudyColumn:
    """A column: its heading, how a cell is written, whether it is text (else numbers), and whether it gets a filter."""

    heading: str
    cell: Callable[[Setting, Row | None], str]
    text: bool = False
    choice: bool = False


def row_columns(outcome: StudyOutcome) -> tuple[StudyColumn, ...]:
    """Return the columns of the table of every row: scheme and mode, the keys that vary, and what was found."""
    return (
        StudyColumn("scheme", lambda _, row: clean(row.scheme), text=True, choice=True),
        StudyColumn("mode", _mode, text=True, choice=True),
        *_keys(outcome),
        StudyColumn("accuracy % [95\u00a0%]", lambda _, row: accuracy(row)),
        StudyColumn("drop, points [95\u00a0%]", lambda _, row: drop(row)),
        StudyColumn("GB/s", lambda _, row: number(row.bandwidth_gb_s)),
        StudyColumn("speed-up", speedup),
        StudyColumn("Pareto", lambda _, row: clean(row.pareto), text=True, choice=True),
        StudyColumn("trials", lambda _, row: f"{row.trials:,}"),
        StudyColumn("images", lambda _, row: f"{row.images:,}"),
        StudyColumn("stopped because", lambda _, row: clean(row.stop_reason), text=True),
    )


def answer_columns(outcome: StudyOutcome) -> tuple[StudyColumn, ...]:
    """Return the columns of the table of answers: the keys that vary, the fastest row that fits, the next faster."""
    return (
        *_keys(outcome),
        StudyColumn("fastest that fits", _best_name, text=True),
        StudyColumn("GB/s", lambda _, row: number(row.bandwidth_gb_s) if row else ""),
        StudyColumn("speed-up", lambda setting, row: speedup(setting, row) if row else ""),
        StudyColumn("drop, points [95\u00a0%]", lambda _, row: drop(row) if row else ""),
        StudyColumn("next faster", lambda setting, _: _next_faster(setting), text=True),
        StudyColumn("would lose, points [95\u00a0%]", lambda setting, _: _next_drop(setting)),
        StudyColumn("more may fit", lambda setting, _: f"{setting.best.open_rows:,}" if setting.best else ""),
    )


def entries(outcome: StudyOutcome) -> list[Entry]:
    """Return every row with its setting, in the order of the study."""
    return [(setting, row) for setting in outcome.measured for row in setting.result.rows]


def answers(outcome: StudyOutcome) -> list[Entry]:
    """Return every setting with the row that is its answer."""
    return [(setting, setting.best.row if setting.best else None) for setting in outcome.settings]


def _keys(outcome: StudyOutcome) -> tuple[StudyColumn, ...]:
    return tuple(_key(outcome, name) for name in shown_keys(outcome))


def _key(outcome: StudyOutcome, name: str) -> StudyColumn:
    values = [value_of(setting, name) for setting in outcome.settings]
    text = any(isinstance(value, bool) or not isinstance(value, int | float | None) for value in values)

    def cell(setting: Setting, _: Row | None) -> str:
        return value_text(value_of(setting, name))

    return StudyColumn(key_heading(name), cell, text=text, choice=True)


def _mode(_: Setting, row: Row) -> str:
    return clean(row.mode) + (" FAILS" if row.fails_uber else "")


def speedup(setting: Setting, row: Row) -> str:
    """Return a row's speed-up, such as ``1.37x``; ``!`` where the ECC that it compares with misses its UBER target."""
    if row.speedup is None:
        return "-"
    failing = setting.result is not None and setting.result.ecc_fails and row.mode != "ecc"
    return f"{factor(row.speedup)}x" + ("!" if failing else "")


def _best_name(setting: Setting, row: Row | None) -> str:
    if row is not None:
        return row_name(row)
    return "none" if setting.result is not None and setting.result.rows else "not measured yet"


def _next_faster(setting: Setting) -> str:
    best = setting.best
    if best is None or best.runner_up is None:
        nothing = "not measured yet" if setting.lacking else "nothing"
        return "" if best is None or best.row is None else nothing
    fails = " FAILS" if best.runner_up.fails_uber else ""
    return f"{row_name(best.runner_up)}, {speedup(setting, best.runner_up)}{fails}"


def _next_drop(setting: Setting) -> str:
    return drop(setting.best.runner_up) if setting.best and setting.best.runner_up else ""
