"""Rows as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence


def csv_text(names: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    r"""Return a heading line with ``names`` and one line a row; what a row lacks stays empty.

    >>> csv_text(["rber", "mean"], [{"rber": 0.5, "mean": 0.1}, {"rber": 1}])
    'rber,mean\n0.5,0.1\n1,\n'
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
