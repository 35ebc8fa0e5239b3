"""Read bandwidth of a device: what it is, what limits it, and where a page read's time goes.

The path of a page is simulated with simpy: dies (a page register per plane, a second one with cache read), one bus
per channel, a pool of ECC engines, the host link. What the simulation assumes beyond the profile: the controller's
buffer (:attr:`nvmsim.timing.system.ReadSystem.credit_groups`), a retry of one page reads one plane and goes before
its die's next group, a soft read is one command whose transfers are granted one by one, an ECC engine takes a whole
page, and the engines and the host link take the dies in turn.
"""

import math
from dataclasses import dataclass
from typing import Any

from nvmsim.device.profile import Device
from nvmsim.timing.load import load_us
from nvmsim.timing.steady_state import SteadyState, steady_state
from nvmsim.timing.system import FS_PER_US, QUEUE, ReadSystem, read_system


@dataclass(frozen=True)
class ReadTiming:
    """How a device reads in one mode.

    ``read_bandwidth_mb_s`` is 10^6 bytes of weights a second in the long run; ``bottleneck`` is the resource with
    the highest ``utilisation`` (each in [0, 1]; "die", "bus", "ecc", "host",
    and "queue depth" where the profile limits the requests in flight); a die's work is its command, its array
    read and, without cache read, its data out. ``load_us`` is None unless asked for. ``page_read_us`` is the mean
    time of a page in each stage, retries included. ``relative_error`` bounds the bandwidth's error: 0 where the
    exact period was found.
    """

    read_bandwidth_mb_s: float
    bottleneck: str
    utilisation: dict[str, float]
    load_us: float | None
    page_read_us: dict[str, float]
    relative_error: float


def read_timing(
    device: Device, mode: str, *, page_failures: Any = None, codeword_errors: Any = None, model_bytes: int | None = None
) -> ReadTiming:
    """Simulate reading weights from ``device`` in ``mode`` ("ecc", "bypass" or "reclaim").

    ``page_failures`` is float64 (page types, attempts): P(decoding fails at attempt r); ``codeword_errors`` the mean
    wrong bits of a codeword then, where decoding takes longer with more of them (None: without any). ``model_bytes``
    asks for the time to load a model of that many bytes of weights. Raises InputError on an unknown mode or a table of
    the wrong shape.

    >>> from nvmsim.device.profile import load_device
    >>> read_timing(load_device("tlc", ["host.bandwidth_gb_s=7"]), "bypass").bottleneck
    'host'
    """
    system = read_system(device, mode, page_failures, codeword_errors=codeword_errors)
    steady = steady_state(system)
    utilisation = _utilisation(system, steady)
    pages = None if model_bytes is None else math.ceil(model_bytes / system.page_bytes)
    return ReadTiming(
        read_bandwidth_mb_s=bandwidth_mb_s(system),
        bottleneck=max(utilisation, key=lambda name: (utilisation[name], name != "die")),  # equal: dies wait for it
        utilisation=utilisation,
        load_us=None if pages is None else load_us(system, pages),
        page_read_us=_page_read_us(system, steady),
        relative_error=steady.relative_error,
    )


def bandwidth_mb_s(system: ReadSystem) -> float:
    """Return the steady read bandwidth of a system in 10^6 bytes of weights a second."""
    steady = steady_state(system)
    return steady.pages_per_fs * FS_PER_US * system.page_bytes * system.channels / steady.channels


def _utilisation(system: ReadSystem, steady: SteadyState) -> dict[str, float]:
    command_fs, transfer_fs = steady["commands"] * system.command_fs, steady["transfers"] * system.transfer_fs
    die_fs = command_fs + steady["sense_fs"] + (0 if system.cache_read else transfer_fs)
    busy = {
        "die": die_fs / (steady.channels * system.dies_per_channel),
        "bus": (command_fs + transfer_fs) / steady.channels,
        "ecc": steady["decode_fs"] / max(system.engines, 1),
        "host": steady["delivered"] * system.host_fs,
        **({QUEUE: steady["delivered"] * system.queue_fs} if system.queue_fs else {}),
    }
    return {name: float(work_fs / steady.elapsed_fs) for name, work_fs in busy.items()}


def _page_read_us(system: ReadSystem, steady: SteadyState) -> dict[str, float]:
    pages_us = steady["delivered"] * FS_PER_US
    total_fs = {
        "command": steady["command_pages"] * system.command_fs,
        "sense": steady["page_sense_fs"],
        "die_wait": steady["die_wait_fs"],
        "bus_wait": steady["bus_wait_fs"],
        "transfer": steady["transfers"] * system.transfer_fs,
        "decode_wait": steady["decode_wait_fs"],
        "decode": steady["decode_fs"] + steady["decode_latency_fs"],
        "host_wait": steady["host_wait_fs"],
        "host": steady["delivered"] * system.delivery_fs,
    }
    return {stage: float(time_fs / pages_us) for stage, time_fs in total_fs.items()}
