"""Closed forms: how fast each resource alone would let a device read."""

import math
from collections.abc import Callable
from typing import Any

from nvmsim.device.profile import Device
from nvmsim.timing.system import FS_PER_US, QUEUE, ReadCost, ReadSystem, read_system


def bounds_mb_s(
    device: Device, mode: str, *, page_failures: Any = None, codeword_errors: Any = None
) -> dict[str, float]:
    """Return the bound of each resource in 10^6 bytes of weights a second.

    Resources are "die", "bus", "ecc", "host" and, where the profile has one, "queue depth". The bandwidth is at most
    the least of them, and equals it where one resource rules; infinite where a resource is not in the way. Arguments
    and errors as for :func:`nvmsim.timing.read_path.read_timing`. Of a group of p planes, with command c, array read
    r and transfer x a page: a die needs c + r + p x (with cache read max(c + r, p x)), a bus c + p x; each further
    read of one page adds a group of one plane, with its own sensings and transfers.

    >>> from nvmsim.device.profile import load_device
    >>> round(bounds_mb_s(load_device("tlc", ["host.bandwidth_gb_s=7"]), "bypass")["host"], 3)
    7000.0
    """
    return system_bounds(read_system(device, mode, page_failures, codeword_errors=codeword_errors))


def system_bounds(system: ReadSystem) -> dict[str, float]:
    """Return the same for a system that is already reduced."""
    group_mb = system.planes * system.page_bytes * FS_PER_US
    decode_fs = _mean([sum(p * cost.decode_fs for p, cost in reads) for reads in system.reads])
    return {
        "die": system.dies * group_mb / _die_fs(system),
        "bus": system.channels * group_mb / _bus_fs(system),
        "ecc": _rate(system.engines * system.page_bytes, decode_fs if system.engines else 0),
        "host": _rate(system.page_bytes, system.host_fs),
        **({QUEUE: _rate(system.page_bytes, system.queue_fs)} if system.queue_fs else {}),
    }


def convoy_mb_s(system: ReadSystem) -> float:
    """Return the bandwidth of "data_out_first" without decoder, host limit or retries, where dies fall into a convoy.

    All D dies of a bus sense together and then drain one after another: D p x + c + r a turn. It needs transfers
    that outlast a command (p x >= c) and reads that outlast the other dies' commands (r >= (D - 1) c).
    """
    dies, drain_fs = system.dies_per_channel, system.planes * system.transfer_fs
    turn_fs = dies * drain_fs + system.command_fs + _mean(system.read_fs) + system.before_data_fs
    return system.dies * system.planes * system.page_bytes * FS_PER_US / turn_fs


def _die_fs(system: ReadSystem) -> float:
    """Return a die's mean work for one group and the repeated reads of its pages."""
    drain_fs = system.planes * system.transfer_fs
    if system.cache_read and not system.retried:
        return _mean([max(system.command_fs + read_fs, drain_fs) for read_fs in system.read_fs])
    first_fs = system.command_fs + system.before_data_fs
    array_fs = first_fs + _mean(system.read_fs)
    array_fs += _again_fs(system, lambda kind, cost: first_fs + cost.senses * system.read_fs[kind])
    transfer_fs = drain_fs + _again_fs(system, lambda kind, cost: cost.transfers * system.transfer_fs)
    return max(array_fs, transfer_fs) if system.cache_read else array_fs + transfer_fs


def _bus_fs(system: ReadSystem) -> float:
    group_fs = system.command_fs + system.planes * system.transfer_fs
    return group_fs + _again_fs(system, lambda kind, cost: system.command_fs + cost.transfers * system.transfer_fs)


def _again_fs(system: ReadSystem, work_fs: Callable[[int, ReadCost], int]) -> float:
    """Return the mean work, over page types, of reading a group's pages again, one at a time."""
    every = enumerate(system.reads)
    return system.planes * _mean([sum(p * work_fs(kind, cost) for p, cost in again) for kind, (_, *again) in every])


def _mean(values: Any) -> float:
    return sum(values) / len(values)


def _rate(size: float, time_fs: float) -> float:
    return size * FS_PER_US / time_fs if time_fs else math.inf
