"""How long pages take to read where some are read again: states stepped from instant to instant, no processes.

Every page of type k fails its first ``failures[k]`` decodings. The buffer and the number of ECC engines have no end.
``costs[k][r]`` is what read r of a page of type k takes: (sensings, transfers, decoding femtoseconds in all).
"""

from collections import deque
from dataclasses import dataclass, field


@dataclass
class Die:
    """What one die still has to read, and what it and its register are doing; times are when something ends."""

    groups: deque
    again: deque = field(default_factory=deque)
    asked_at: int | None = None
    sensing: tuple | None = None  # (end, pages); pages are [type, failures left, reads begun, transfers left]
    register: list | None = None
    offered_at: int = 0
    free: bool = True
    wanted: list | None = None

    def next_read(self):
        return [self.again.popleft()] if self.again else self.groups.popleft() if self.groups else None


def equal_costs(system, reads):
    """Return the costs of so many reads that are all alike."""
    return [[(1, 1, system.decode_fs + system.decode_latency_fs)] * reads] * len(system.read_fs)


def time_with_retries(system, pages, failures, costs):
    """Return the femtoseconds until the last page has been decoded without a failure."""
    planes, order = system.planes, system.channels * system.dies_per_channel
    groups = [min(planes, pages - first) for first in range(0, pages, planes)]
    dies = [Die(deque()) for _ in range(order)]
    for index, count in enumerate(groups):
        kind = index // order % len(system.read_fs)
        dies[index % order].groups.append([[kind, failures[kind], 0, 0] for _ in range(count)])
    buses = [{"die": dies[channel :: system.channels], "end": None, "job": None} for channel in range(system.channels)]
    decoding, now, last = [], 0, 0
    while True:
        last = _settle(system, buses, decoding, costs, now=now, last=last)
        for bus in buses:  # a bus sees every request of its instant before it chooses
            if bus["end"] is None:
                _grant(system, bus, now)
        ends = [bus["end"] for bus in buses if bus["end"] is not None] + [job[0] for job in decoding]
        ends += [die.sensing[0] for die in dies if die.sensing and die.sensing[0] > now]
        if not ends:
            return last
        now = min(ends)


def _settle(system, buses, decoding, costs, *, now, last):
    """End what ends at this instant and let dies go on; return when a decoding was last over."""
    for bus in buses:
        if bus["end"] == now:
            _finish(system, bus, decoding, costs, now=now)
    for job in [job for job in decoding if job[0] == now]:
        decoding.remove(job)
        _, page, die = job
        if page[1]:
            page[1] -= 1
            die.again.append(page)
        last = now
    while any(_advance(system, die, now) for bus in buses for die in bus["die"]):
        pass
    return last


def _finish(system, bus, decoding, costs, *, now):
    what, die, pages = bus["job"]
    bus["end"] = bus["job"] = None
    if what == "command":
        for page in pages:
            senses, page[3], _ = costs[page[0]][page[2]]
            page[2] += 1
        die.sensing = (now + senses * system.read_fs[pages[0][0]] + system.before_data_fs, pages)
        return
    pages[0][3] -= 1
    if pages[0][3]:
        return
    kind, _, reads, _ = pages[0]
    decoding.append((now + costs[kind][reads - 1][2], pages.pop(0), die))
    if not pages:
        die.register = None
        die.free |= not system.cache_read


def _advance(system, die, now):
    if die.sensing and die.sensing[0] <= now and die.register is None:
        die.register, die.sensing, die.offered_at = die.sensing[1], None, now
        die.free |= system.cache_read
        return True
    if die.free and die.asked_at is None and (die.again or die.groups):
        die.asked_at, die.free, die.wanted = now, False, die.next_read()
        return True
    return False


def _grant(system, bus, now):
    commands = [(die.asked_at, index) for index, die in enumerate(bus["die"]) if die.asked_at is not None]
    data = [(die.offered_at, index) for index, die in enumerate(bus["die"]) if die.register is not None]
    if commands and (system.command_first or not data):
        die = bus["die"][min(commands)[1]]
        bus["job"], bus["end"], die.asked_at = ("command", die, die.wanted), now + system.command_fs, None
    elif data:
        die = bus["die"][min(data)[1]]
        bus["job"], bus["end"] = ("data", die, die.register), now + system.transfer_fs
