"""A study as text for the terminal, as CSV and as JSON; and the answers alone, for ``nvmsim best``."""

import json
from collections.abc import Mapping, Sequence

from nvmsim.report.csv_text import csv_text
from nvmsim.report.formats import clean
from nvmsim.report.study.columns import Entry, StudyColumn, answer_columns, answers
from nvmsim.report.study.findings import answer, in_turn, limit, progress, stops
from nvmsim.report.study.names import shown_keys, value_of
from nvmsim.report.table import flat, plain, render_json
from nvmsim.report.text_blocks import TextColumn, facts, tables, wrapped
from nvmsim.study.grid.outcome import Setting, StudyOutcome
from nvmsim.study.tradeoff import Row


def render_study_table(outcome: StudyOutcome, width: int, *, report: str | None = None) -> str:
    """Return the answer, an answer a setting, progress and why tasks stopped, at most ``width`` letters wide.

    ``report`` says where the written report lies.
    """
    parts = [wrapped("", answer(outcome), width), *_answers(outcome, width), facts(_notes(outcome, report), width)]
    return "\n\n".join(parts) + "\n"


def render_best_table(outcome: StudyOutcome, width: int) -> str:
    """Return the answer and an answer a setting, at most ``width`` letters wide."""
    said = [("limit", f"surely (95 %) at most {limit(outcome)} lost"), *_fails(outcome)]
    return "\n\n".join([wrapped("", answer(outcome), width), *_answers(outcome, width), facts(said, width)]) + "\n"


def _answers(outcome: StudyOutcome, width: int) -> list[str]:
    found, columns = answers(outcome), answer_columns(outcome)
    laid = [_laid_out(column, found) for column in columns]
    names = len(shown_keys(outcome))
    return tables(laid[:names], laid[names:], width) if found else []


def _laid_out(column: StudyColumn, found: Sequence[Entry]) -> TextColumn:
    cells = [column.cell(setting, row) for setting, row in found]
    return TextColumn.of([*_two_lines(column.heading), *cells], text=column.text)


def _two_lines(heading: str) -> tuple[str, str]:
    """Break a heading where its longer line is shortest."""
    words = heading.split(" ")
    breaks = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(len(words))]
    return min(breaks, key=lambda lines: max(map(len, lines)))


def _notes(outcome: StudyOutcome, report: str | None) -> list[tuple[str, str]]:
    said = [
        ("question", clean(outcome.question)),
        ("limit", f"surely (95 %) at most {limit(outcome)} lost"),
        ("progress", progress(outcome)),
        *(("stopped", reason) for reason in stops(outcome)),
        *_fails(outcome),
        ("in turn", in_turn(outcome)),
        ("report", report or ""),
    ]
    return [(subject, text) for subject, text in said if text]


def _fails(outcome: StudyOutcome) -> list[tuple[str, str]]:
    if not any(setting.result.ecc_fails for setting in outcome.measured):
        return []
    return [("FAILS", "speed-ups marked ! compare with an ECC that misses its UBER target, a memory that loses data")]


def render_study_csv(outcome: StudyOutcome) -> str:
    """Return every row as CSV: the keys that vary, the age, then the row's numbers at full precision."""
    rows = [
        {**_keys(outcome, setting), "float32_accuracy": setting.result.float32_accuracy, **_row(row)}
        for setting in outcome.measured
        for row in setting.result.rows
    ]
    return csv_text(list(dict.fromkeys(name for row in rows for name in row)), rows)


def _row(row: Row) -> dict[str, object]:
    found = flat(plain(row))
    del found["trial_accuracies"]  # hundreds a row: results.json has them
    return found


def _keys(outcome: StudyOutcome, setting: Setting) -> dict[str, object]:
    return {key: value_of(setting, key) for key in shown_keys(outcome)}


def render_study_json(outcome: StudyOutcome) -> str:
    """Return everything as JSON: keys in a fixed order, numbers at full precision, null for what is no number."""
    return render_json(outcome)


def render_best_csv(outcome: StudyOutcome) -> str:
    """Return one line a setting: its keys, its answer and the next faster row at full precision."""
    rows = [flat(row) for row in _best(outcome)]
    return csv_text(list(dict.fromkeys(name for row in rows for name in row)), rows)


def render_best_json(outcome: StudyOutcome) -> str:
    """Return the answers as JSON; a setting without one has null."""
    found = {
        "study": outcome.name,
        "answer": answer(outcome),
        "max_drop_points": outcome.max_drop_points,
        "settings": _best(outcome),
    }
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


_SHOWN = (
    "scheme", "mode", "bandwidth_gb_s", "speedup", "accuracy", "low", "high", "drop_points", "drop_low", "drop_high",
)  # fmt: skip


def _best(outcome: StudyOutcome) -> list[dict[str, object]]:
    return [_one_best(outcome, setting, plain(setting)) for setting in outcome.settings]


def _one_best(outcome: StudyOutcome, setting: Setting, data: Mapping[str, object]) -> dict[str, object]:
    best = data["best"] or {}
    rows = {name: _chosen(best.get(found)) for name, found in (("best", "row"), ("next_faster", "runner_up"))}
    keys = {key: data["grid"] if key == "grid" else data["varied"].get(key) for key in shown_keys(outcome)}
    measured = setting.result is not None and bool(setting.result.rows)
    return {**keys, "measured": measured, **rows, "open_rows": best.get("open_rows")}


def _chosen(row: Mapping[str, object] | None) -> dict[str, object] | None:
    return None if row is None else {name: row[name] for name in _SHOWN}
