"""A study's counts as CSV or Parquet."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nvmsim.errors import InputError
from nvmsim.report.csv_text import csv_text


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
