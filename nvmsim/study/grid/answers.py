"""The answer of a setting: its fastest row that surely loses no more than wanted, and the next cheaper one."""

from collections.abc import Sequence

from nvmsim.study.grid.outcome import Best
from nvmsim.study.grid.settle import undecided_for_best
from nvmsim.study.tradeoff import Row, as_fast, ecc_in_part, fastest_within, has_ecc, may_fit


def best_of(rows: Sequence[Row], *, max_drop_points: float, lacking: Sequence[tuple[str, str]] = ()) -> Best:
    """Return the answer of a setting from its rows; ``lacking`` are the (scheme, mode) not measured yet.

    The next cheaper protection is the slowest of the rows that are surely faster, and of equally fast ones that which
    loses least.
    """
    found = fastest_within(rows, max_drop_points=max_drop_points)
    faster = [row for row in rows if found is None or not as_fast(found, row)]
    slowest = [row for row in faster if all(as_fast(other, row) for other in faster)]
    free = [row for row in rows if not row.has_ecc]
    waiting = sum(not has_ecc(mode) for _, mode in lacking)
    parts = [row for row in faster if row.ecc_in_part]
    return Best(
        row=found,
        runner_up=min(slowest, key=lambda row: (row.drop_points, row.scheme, row.mode), default=None),
        open_rows=len(undecided_for_best(rows, max_drop_points)) + len(lacking),
        free=fastest_within(free, max_drop_points=max_drop_points),
        free_open=sum(may_fit(row, max_drop_points) for row in free) + waiting,
        free_tried=len(free) + waiting,
        part=fastest_within([row for row in rows if row.ecc_in_part], max_drop_points=max_drop_points),
        part_open=sum(may_fit(row, max_drop_points) for row in parts) + sum(ecc_in_part(mode) for _, mode in lacking),
    )
