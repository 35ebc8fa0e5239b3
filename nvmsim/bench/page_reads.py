"""Simulated page reads a second: the steady state found and extended, against every page through plain simpy."""

from time import process_time

from nvmsim.bench.row import BenchRow
from nvmsim.device.ecc import page_failures
from nvmsim.device.load import load_device
from nvmsim.device.rber import device_rates
from nvmsim.timing.load import full_load_us, load_us
from nvmsim.timing.steady_state import WANTED_ERROR, steady_state
from nvmsim.timing.system import read_system

MODEL_BYTES = 14 * 10**9  # a language model of 7 billion weights, 16 bits each
GOAL_PAGES_S = 1e6
AGED = ("conditions.worn.pe_cycles=3000", "conditions.worn.retention_days=1000")  # 44 % of csb pages are read again
CASES = {
    "tlc, ecc": ("tlc", (), "ecc"),
    "tlc, bypass, no host limit": ("tlc", ("host.bandwidth_gb_s=null",), "bypass"),
    "hbf, ecc": ("hbf", (), "ecc"),
    "tlc, ecc, random retries": ("tlc", AGED, "ecc"),
}


def page_read_rows(*, quick: bool = False) -> list[BenchRow]:
    """Time the load of a 14 GB model, and of a shorter one page by page; both ways load the shorter one alike.

    Seconds are those of the processor, so that other programs do not count. ``stated_error`` bounds the long run's
    bandwidth (0: an exact period, else a 95 % interval); ``difference`` is that of the two ways' load times
    (with random retries each has luck of its own).
    """
    return [_row(name, *case, pages=20_000 if quick else 60_000) for name, case in CASES.items()]


def _row(name: str, where: str, settings: tuple[str, ...], mode: str, *, pages: int) -> BenchRow:
    device = load_device(where, settings)
    system = read_system(device, mode, page_failures(device, device_rates(device, device.condition())))
    steady_state.cache_clear()
    start = process_time()
    model_pages = -(-MODEL_BYTES // system.page_bytes)
    load_us(system, model_pages)
    middle = process_time()
    plain_us = full_load_us(system, pages)
    end = process_time()
    difference = abs(load_us(system, pages) / plain_us - 1)
    rate, plain_rate = model_pages / (middle - start), pages / (end - middle)
    figures = {
        "pages": model_pages,
        "pages_per_s": rate,
        "plain_simpy_pages_per_s": plain_rate,
        "times_faster": rate / plain_rate,
        "stated_error": steady_state(system).relative_error,
        "difference": difference,
    }
    bounded = 0 < figures["stated_error"] <= WANTED_ERROR
    goal = f">= {GOAL_PAGES_S:.0e} pages/s, or an error within {WANTED_ERROR:.1%}"
    return BenchRow("page-reads", name, figures, goal, rate >= GOAL_PAGES_S or bounded)
