"""Flip, check and decode on a GPU against a device-to-device copy of the same bytes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nvmsim.bench.injection import PAGE_BITS, USABLE_BITS
from nvmsim.bench.row import BenchRow
from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.sampler import flip_tables
from nvmsim.inject.target import FlipTarget

SIZES = (138_000_000, 7_000_000_000)
RBERS = (1e-4, 1e-2)


def gpu_rows(*, quick: bool = False) -> list[BenchRow]:
    """Measure flips and one decode pass on the GPU; without one, the rows say "not measured" and why."""
    sizes = SIZES[:1] if quick else SIZES
    try:
        backend = get_backend("cuda")
    except InputError as error:
        return [BenchRow("gpu", f"{n / 1e6:g} M words", {"time": "not measured"}, str(error)) for n in sizes]
    return [_row(backend, size, rber) for size in sizes for rber in RBERS]


def _device_seconds(xp: Any, work: Callable[[], object]) -> float:
    work()
    start, stop = xp.cuda.Event(), xp.cuda.Event()
    times = []
    for _ in range(5):
        start.record()
        work()
        stop.record()
        stop.synchronize()
        times.append(1e-3 * xp.cuda.get_elapsed_time(start, stop))
    return min(times)


def _copy_seconds(xp: Any, image: Any) -> float:
    xp.get_default_memory_pool().free_all_blocks()
    copy = xp.empty_like(image)
    return _device_seconds(xp, lambda: xp.copyto(copy, image))


def _row(backend: Any, size: int, rber: float) -> BenchRow:
    xp = backend.xp
    image = xp.zeros(size, np.uint16)
    target = FlipTarget(image, pages=-(-size * 16 // USABLE_BITS), page_bits=PAGE_BITS, usable_bits=USABLE_BITS)
    tables = flip_tables([[rber, rber]], page_bits=PAGE_BITS)
    flip = _device_seconds(xp, lambda: backend.flip(tables, target, seed=1, trial=0))
    decode = _device_seconds(xp, lambda: backend.decode_binary(image, low=-1.0, delta=2.0**-15, parity=True))
    copied = _copy_seconds(xp, image)
    figures = {"flip_ms": 1e3 * flip, "decode_ms": 1e3 * decode, "copy_ms": 1e3 * copied}
    figures["over_copy"] = (flip + decode) / copied
    return BenchRow("gpu", f"{size / 1e6:g} M words, RBER {rber:g}", figures)
