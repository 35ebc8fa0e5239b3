"""A result as text: a table for the terminal, CSV, and JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from nvmsim.report.columns import IDENTITY, Column, columns
from nvmsim.report.csv_text import csv_text
from nvmsim.report.findings import headline, notes
from nvmsim.report.text_blocks import TextColumn, facts, tables, wrapped
from nvmsim.study.tradeoff import Result, Row


def render_table(result: Result, width: int, *, report: str | None = None) -> str:
    """Return the answer, one aligned table, and what decides it, as plain text at most ``width`` columns wide.

    A terminal too narrow for all columns gets them in several blocks, each with the rows' names; none is dropped.
    ``report`` says where the written report lies.
    """
    laid = [_laid_out(column, result.rows) for column in columns(result, compact=True)]
    shown = tables(laid[:IDENTITY], laid[IDENTITY:], width)
    parts = [wrapped("", headline(result), width), *shown, _below(result, width, report)]
    return "\n\n".join(parts) + "\n"


def _laid_out(column: Column, rows: Sequence[Row]) -> TextColumn:
    return TextColumn.of([column.top, column.name, *(column.cell(row) for row in rows)], text=column.text)


def _below(result: Result, width: int, report: str | None) -> str:
    said = [*_legend(result), *notes(result)]
    if report is not None:
        said.append(("report", report))
    return facts(said, width)


def _legend(result: Result) -> list[tuple[str, str]]:
    marks = []
    if any(row.pareto == "yes" for row in result.rows):
        marks.append("* Pareto-optimal (surely no row is as fast and as accurate)")
    if any(row.pareto == "undecided" for row in result.rows):
        marks.append("? undecided (intervals overlap: more trials would tell)")
    if any(row.bottleneck_assumed for row in result.rows):
        marks.append("(a) an assumed number decides the bottleneck")
    return [("marks", "; ".join(marks))] if marks else []


def plain(result: Any) -> dict[str, object]:
    """Return a result, a dataclass, as plain data in its fields' order; a number that is not finite becomes None."""
    return _plain(asdict(result))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def render_json(result: Any) -> str:
    """Return the whole result as JSON: keys in a fixed order, numbers at full precision."""
    return json.dumps(plain(result), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def render_csv(result: Result) -> str:
    """Return the rows as CSV with a heading line: numbers at full precision, nested keys joined by ``_``."""
    rows = [flat(row) for row in plain(result)["rows"]]
    return csv_text(list(dict.fromkeys(name for row in rows for name in row)), rows)


def flat(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row of plain data for CSV: nested keys joined by ``_``, lists as words."""
    found: dict[str, object] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            found |= {f"{key}_{inner}": item for inner, item in value.items()}
        elif isinstance(value, list):
            found[key] = " ".join(map(repr, value))
        else:
            found[key] = value
    return found
