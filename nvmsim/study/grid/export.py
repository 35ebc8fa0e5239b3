"""Every count that a study rests on, one row a block of images of a trial: the same bytes from the same counts."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.export import TrialBlock, trial_blocks
from nvmsim.accuracy.store import Store
from nvmsim.errors import InputError
from nvmsim.report.csv_text import csv_text
from nvmsim.study.grid.questions import Asked

COUNTS = TrialBlock._fields


def columns_of(axes: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the columns: the grid, the keys that vary, the row, and the counts."""
    return ("grid", *axes, "scheme", "mode", *COUNTS)


def counts_of(asked: Sequence[Asked], store: Store, *, estimates: Mapping[str, Estimate]) -> Iterator[dict[str, Any]]:
    """Yield the rows in the order of the study's file, then by trial and block."""
    for one in asked:
        for case in one.cases:
            if case.task.id in estimates:
                about = {"grid": one.point.grid, **one.point.varied, "scheme": case.scheme.name, "mode": case.mode}
                for count in trial_blocks(store, [estimates[case.task.id]]):
                    yield about | count._asdict()


def as_csv(columns: Sequence[str], rows: Iterator[Mapping[str, Any]]) -> bytes:
    """Return the rows as CSV."""
    return csv_text(columns, rows).encode()


def as_parquet(columns: Sequence[str], rows: Iterator[Mapping[str, Any]]) -> bytes:
    """Return the rows as Parquet; raises InputError where pyarrow is not installed.

    A key whose values are of several types becomes text.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError("--format parquet: needs pyarrow: pip install 'nvmsim[parquet]'") from None
    listed = list(rows)
    table = pyarrow.table({name: _column([row.get(name) for row in listed]) for name in columns})
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


def _column(values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    return values if len(kinds) < 2 else [None if value is None else str(value) for value in values]


FORMATS = {"csv": as_csv, "parquet": as_parquet}
