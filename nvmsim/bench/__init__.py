"""Benchmarks with their goals in the code: ``nvmsim bench``."""

from collections.abc import Callable, Sequence

from nvmsim.bench.row import BenchRow, bench_text
from nvmsim.errors import InputError

__all__ = ["BenchRow", "bench_report", "bench_text", "benchmarks", "run_benchmarks"]


def _injection(quick: bool) -> list[BenchRow]:
    from nvmsim.bench.injection import injection_rows

    return injection_rows(quick=quick)


def _rates(quick: bool) -> list[BenchRow]:
    from nvmsim.bench.rates import rate_rows

    return rate_rows(quick=quick)


def _gpu(quick: bool) -> list[BenchRow]:
    from nvmsim.bench.gpu import gpu_rows

    return gpu_rows(quick=quick)


def _overhead(quick: bool) -> list[BenchRow]:
    from nvmsim.bench.overhead import overhead_rows

    return overhead_rows(quick=quick)


def _reuse(quick: bool) -> list[BenchRow]:
    from nvmsim.bench.reuse import reuse_rows

    return reuse_rows(quick=quick)


def _page_reads(quick: bool) -> list[BenchRow]:
    from nvmsim.bench.page_reads import page_read_rows

    return page_read_rows(quick=quick)


benchmarks: dict[str, Callable[[bool], list[BenchRow]]] = {
    "injection": _injection,
    "rates": _rates,
    "overhead": _overhead,
    "reuse": _reuse,
    "page-reads": _page_reads,
    "gpu": _gpu,
}


def run_benchmarks(names: Sequence[str] = (), *, quick: bool = False) -> list[BenchRow]:
    """Run the named benchmarks (none named: all) and return their rows; ``quick`` leaves out the large cases.

    Raises InputError on an unknown name.
    """
    unknown = [name for name in names if name not in benchmarks]
    if unknown:
        raise InputError([f"benchmark {name!r}: must be one of {', '.join(benchmarks)}" for name in unknown])
    return [row for name in names or benchmarks for row in benchmarks[name](quick)]


def bench_report(names: Sequence[str] = (), *, quick: bool = False, fmt: str = "table") -> str:
    """Run the named benchmarks and return their rows as a "table" or as "json"."""
    return bench_text(run_benchmarks(names, quick=quick), fmt)
