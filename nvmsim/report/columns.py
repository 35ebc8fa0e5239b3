"""The columns of the trade-off table: one list for the terminal and for the page."""

from collections.abc import Callable
from dataclasses import dataclass

from nvmsim.report.formats import accuracy, clean, drop, factor, nulled, number, percent, points, rate
from nvmsim.study.tradeoff import Result, Row

PARETO_MARK = {"yes": "*", "undecided": "?", "no": ""}
IDENTITY = 3  # the first columns say which row it is, and are repeated wherever the table breaks


@dataclass(frozen=True)
class Column:
    """A column: its two-line heading, what it means, and how a row's cell is written."""

    top: str
    name: str
    meaning: str
    cell: Callable[[Row], str]
    text: bool = False
    whole: str = ""

    @property
    def heading(self) -> str:
        """Return the heading on one line."""
        return self.whole or f"{self.top} {self.name}".strip()


def columns(result: Result, *, compact: bool) -> tuple[Column, ...]:
    """Return the table's columns in order; ``compact`` leaves the drop's interval out, for a terminal."""
    return (_pareto(compact), *_NAMES, *_damage(compact), *_speed(result.ecc_fails), *_COST)


def _bottleneck(row: Row) -> str:
    return clean(row.bottleneck) + (" (a)" if row.bottleneck_assumed else "")


def _mode(row: Row) -> str:
    return clean(row.mode) + (" FAILS" if row.fails_uber else "")


def _accuracy(row: Row) -> str:
    """Write the accuracy with its numbers padded, so that they stand under each other."""
    return "{:>5} [{:>5}, {:>5}]".format(*map(percent, (row.accuracy, row.low, row.high)))


def _nulled(row: Row) -> str:
    return nulled(row).translate({ord("("): None, ord(")"): None}).replace(" %", "%")


def _cause(name: str) -> Callable[[Row], str]:
    return lambda row: "-" if row.causes is None else factor(getattr(row.causes, name))


_NAMES = (
    Column("", "scheme", "how weights are stored", lambda row: clean(row.scheme), text=True),
    Column(
        "",
        "mode",
        "ecc: corrected; bypass: ECC off, spare bytes unread; reclaim: ECC off, weights in the spare bytes too; "
        "ecc+bypass, ecc+reclaim: a part corrected, the rest so",
        _mode,
        text=True,
    ),
)
_COST = (
    Column(
        "", "bottleneck", "the resource that limits reading; (a): an assumed number decides it", _bottleneck, text=True
    ),
    Column(
        "bytes/",
        "weight",
        "storage bytes a weight takes, spare bytes included",
        lambda row: f"{row.storage_bytes_per_weight:.2f}",
        whole="bytes a weight",
    ),
)


def _pareto(compact: bool) -> Column:
    meaning = "yes: surely no row is both as fast and as accurate; no: one surely is; undecided: intervals overlap"

    def cell(row: Row) -> str:
        return PARETO_MARK.get(row.pareto, "") if compact else clean(row.pareto)

    return Column("", "", meaning, cell, text=True, whole="Pareto")


def _damage(compact: bool) -> tuple[Column, ...]:
    return (
        Column("RBER", "in", "wrong bits over bits read in these trials, uncorrected", lambda row: rate(row.rber_in)),
        Column("RBER", "left", "wrong data bits after correction over data bits", lambda row: rate(row.rber_residual)),
        Column(
            "accuracy %", "[95 % interval]", "mean over trials on this test set", _accuracy if compact else accuracy
        ),
        Column(
            "drop",
            "points",
            "float32 accuracy less this row's, on the same images",
            (lambda row: points(row.drop_points)) if compact else drop,
        ),
        Column("weights", "nulled", "weights set to 0 in a trial, and their share", _nulled if compact else nulled),
    )


def _speed(failing: bool) -> tuple[Column, ...]:
    mark = "!" if failing else ""
    return (
        Column(
            "weights", "GB/s", "steady-state read bandwidth, 2 bytes a weight", lambda row: number(row.bandwidth_gb_s)
        ),
        Column("loads", "/s", "loads of this model a second, one after another", lambda row: number(row.loads_per_s)),
        Column(
            "speed-",
            "up",
            "bandwidth over that of ecc = bytes x decoder x retries x host" + ("; ! ecc FAILS" if failing else ""),
            lambda row: _speedup(row, mark),
            whole="speed-up",
        ),
        Column(
            "=",
            "bytes",
            "part of the speed-up: fewer bytes cross the bus for a weight",
            _cause("bytes"),
            whole="= bytes",
        ),
        Column("de-", "coder", "part of the speed-up: no decoder in the way", _cause("decoder"), whole="× decoder"),
        Column("re-", "tries", "part of the speed-up: no read is repeated", _cause("retries"), whole="× retries"),
        Column("", "host", "part of the speed-up: the host link's cap", _cause("host"), whole="× host"),
    )


def _speedup(row: Row, mark: str) -> str:
    if row.speedup is None:
        return "-"
    return f"{factor(row.speedup)}x" + ("" if row.mode == "ecc" else mark)
