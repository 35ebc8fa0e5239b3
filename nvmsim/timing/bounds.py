"""Closed forms: how fast each resource alone would let a device read."""

import math
from typing import Any

from nvmsim.device.profile import Device
from nvmsim.timing.system import FS_PER_US, QUEUE, ReadSystem, read_system


def bounds_mb_s(device: Device, mode: str, *, page_failures: Any = None) -> dict[str, float]:
    """Return the bound of each resource in 10^6 bytes of weights a second.

    Resources are "die", "bus", "ecc", "host" and, where the profile has one, "queue depth". The bandwidth is at most
    the least of them, and equals it where one resource rules; infinite where a resource is not in the way. Arguments
    and errors as for :func:`nvmsim.timing.read_path.read_timing`. Of a group of p planes, with command c, array read
    r and transfer x a page: a die needs c + r + p x (with cache read max(c + r, p x)), a bus c + p x; each further
    read of one page adds a group of one plane.

    >>> from nvmsim.device.profile import load_device
    >>> round(bounds_mb_s(load_device("tlc", ["host.bandwidth_gb_s=7"]), "bypass")["host"], 3)
    7000.0
    """
    return system_bounds(read_system(device, mode, page_failures))


def system_bounds(system: ReadSystem) -> dict[str, float]:
    """Return the same for a system that is already reduced."""
    group_mb = system.planes * system.page_bytes * FS_PER_US
    reads = 1 + sum(system.extra_reads) / system.types
    return {
        "die": system.dies * group_mb / _die_fs(system),
        "bus": system.channels * group_mb / _mean(_bus_fs(system)),
        "ecc": _rate(system.engines * system.page_bytes, system.decode_fs * reads),
        "host": _rate(system.page_bytes, system.host_fs),
        **({QUEUE: _rate(system.page_bytes, system.queue_fs)} if system.queue_fs else {}),
    }


def convoy_mb_s(system: ReadSystem) -> float:
    """Return the bandwidth of "data_out_first" without decoder, host limit or retries, where dies fall into a convoy.

    All D dies of a bus sense together and then drain one after another: D p x + c + r a turn. It needs transfers
    that outlast a command (p x >= c) and reads that outlast the other dies' commands (r >= (D - 1) c).
    """
    dies, drain_fs = system.dies_per_channel, system.planes * system.transfer_fs
    turn_fs = dies * drain_fs + system.command_fs + _mean(system.read_fs)
    return system.dies * system.planes * system.page_bytes * FS_PER_US / turn_fs


def _die_fs(system: ReadSystem) -> float:
    """Return a die's mean work for one group and the repeated reads of its pages."""
    drain_fs = system.planes * system.transfer_fs
    if system.cache_read and not system.retried:
        return _mean([max(system.command_fs + read_fs, drain_fs) for read_fs in system.read_fs])
    array = [(system.command_fs + read_fs, system.command_fs + read_fs) for read_fs in system.read_fs]
    array_fs = _mean(_with_retries(system, array))
    transfer_fs = _mean(_with_retries(system, [(drain_fs, system.transfer_fs)] * system.types))
    return max(array_fs, transfer_fs) if system.cache_read else array_fs + transfer_fs


def _bus_fs(system: ReadSystem) -> list[float]:
    group_fs = system.command_fs + system.planes * system.transfer_fs
    return _with_retries(system, [(group_fs, system.command_fs + system.transfer_fs)] * system.types)


def _with_retries(system: ReadSystem, work_fs: list[tuple[int, int]]) -> list[float]:
    """Add to the work of each type's group that of reading its pages again, one at a time."""
    pairs = zip(work_fs, system.extra_reads, strict=True)
    return [group_fs + system.planes * extra * single_fs for (group_fs, single_fs), extra in pairs]


def _mean(values: Any) -> float:
    return sum(values) / len(values)


def _rate(size: float, time_fs: float) -> float:
    return size * FS_PER_US / time_fs if time_fs else math.inf
