"""A result as text: a table for the terminal, CSV, and JSON."""

import csv
import io
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite

from nvmsim.report.columns import IDENTITY, Column, columns
from nvmsim.report.findings import headline, notes
from nvmsim.study.tradeoff import Result, Row


def render_table(result: Result, width: int, *, report: str | None = None) -> str:
    """Return the answer, one aligned table, and what decides it, as plain text at most ``width`` columns wide.

    A terminal too narrow for all columns gets them in several blocks, each with the rows' names; none is dropped.
    ``report`` says where the written report lies.
    """
    laid = [_laid_out(column, result.rows) for column in columns(result, compact=True)]
    tables = _tables(laid[:IDENTITY], laid[IDENTITY:], width)
    parts = [_wrapped("", headline(result), width), *tables, _below(result, width, report)]
    return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Laid:
    """A column as lines of equal width: two of heading, then one a row."""

    lines: tuple[str, ...]

    @property
    def width(self) -> int:
        return len(self.lines[0])


def _laid_out(column: Column, rows: Sequence[Row]) -> _Laid:
    lines = [column.top, column.name, *(column.cell(row) for row in rows)]
    wide = max(map(len, lines))
    return _Laid(tuple(line.ljust(wide) if column.text else line.rjust(wide) for line in lines))


def _tables(named: Sequence[_Laid], rest: Sequence[_Laid], width: int) -> list[str]:
    for gap in (2, 1):
        if len(_blocks(named, rest, width, gap)) == 1:
            return [_joined([*named, *rest], gap)]
    count = len(_blocks(named, rest, width, 2))
    even = next(w for w in range(1, width + 1) if len(_blocks(named, rest, w, 2)) <= count)
    return [_joined([*named, *block], 2) for block in _blocks(named, rest, even, 2)]


def _blocks(named: Sequence[_Laid], rest: Sequence[_Laid], width: int, gap: int) -> list[list[_Laid]]:
    """Share out the columns, as many to a block as fit beside the names, at least one."""
    free = width - sum(column.width + gap for column in named)
    blocks: list[list[_Laid]] = [[]]
    for column in rest:
        if blocks[-1] and sum(c.width + gap for c in blocks[-1]) + column.width > free:
            blocks.append([])
        blocks[-1].append(column)
    return blocks


def _joined(block: Sequence[_Laid], gap: int) -> str:
    top, names, *rows = ((" " * gap).join(cells).rstrip() for cells in zip(*(c.lines for c in block), strict=True))
    rule = "-" * (sum(c.width + gap for c in block) - gap)
    return "\n".join([top, names, rule, *rows])


def _below(result: Result, width: int, report: str | None) -> str:
    said = [*_legend(result), *notes(result)]
    if report is not None:
        said.append(("report", report))
    wide = max(len(subject) for subject, _ in said) + 2
    shown, previous = [], None
    for subject, text in said:
        label = "" if subject == previous else subject
        shown.append(_wrapped(label.ljust(wide), text, width))
        previous = subject
    return "\n".join(shown)


def _legend(result: Result) -> list[tuple[str, str]]:
    marks = []
    if any(row.pareto == "yes" for row in result.rows):
        marks.append("* Pareto-optimal (surely no row is as fast and as accurate)")
    if any(row.pareto == "undecided" for row in result.rows):
        marks.append("? undecided (intervals overlap: more trials would tell)")
    if any(row.bottleneck_assumed for row in result.rows):
        marks.append("(a) an assumed number decides the bottleneck")
    return [("marks", "; ".join(marks))] if marks else []


def _wrapped(label: str, text: str, width: int) -> str:
    wrap = textwrap.TextWrapper(
        width=max(width, len(label) + 20),
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_on_hyphens=False,
    )
    return wrap.fill(text)


def plain(result: Result) -> dict[str, object]:
    """Return the result as plain data, in its fields' order; a number that is not finite becomes None."""
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


def render_json(result: Result) -> str:
    """Return the whole result as JSON: keys in a fixed order, numbers at full precision."""
    return json.dumps(plain(result), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def render_csv(result: Result) -> str:
    """Return the rows as CSV with a heading line: numbers at full precision, nested keys joined by ``_``."""
    rows = [_flat(row) for row in plain(result)["rows"]]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(row: Mapping[str, object]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}_{inner}": item for inner, item in value.items()}
        elif isinstance(value, list):
            flat[key] = " ".join(map(repr, value))
        else:
            flat[key] = value
    return flat
