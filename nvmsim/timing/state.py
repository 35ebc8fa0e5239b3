"""The complete state of a simulation, free of absolute time: equal states have equal futures."""

from typing import Any

from nvmsim.timing.bus import Bus
from nvmsim.timing.die import Die
from nvmsim.timing.pages import ArrayRead, PageRead
from nvmsim.timing.path import ReadPath
from nvmsim.timing.station import Station


def state(path: ReadPath) -> tuple:
    """Return the state at a milestone as a hashable value; groups count from die 0's, times from now.

    It holds every pending event in order, every queue in order, every register and every die's progress: all
    that a further step depends on, chance apart.
    """
    base = path.dies[0].group
    return (
        tuple((wait_fs, rank, _label(value, base)) for wait_fs, rank, value in path.clock.pending()),
        tuple(_die(die, base) for die in path.dies),
        tuple(_bus(bus) for bus in path.buses),
        _station(path.decoders, base),
        _station(path.host, base),
    )


def _label(value: Any, base: int) -> Any:
    return _page(value, base) if isinstance(value, PageRead) else value


def _page(page: PageRead, base: int) -> tuple:
    return page.die, page.group - base, page.failures, page.stage


def _read(read: ArrayRead | None, base: int) -> tuple | None:
    return None if read is None else (read.out, read.moved, *(_page(page, base) for page in read.pages))


def _die(die: Die, base: int) -> tuple:
    retries = tuple(_page(page, base) for page in die.retries)
    waits = die.wake is not None, die.freed is not None
    return die.group - base, die.credits, waits, retries, _read(die.sensing, base), _read(die.register, base)


def _bus(bus: Bus) -> tuple:
    waiting = (tuple(index for _, index, _ in sorted(heap)) for heap in (bus.commands, bus.data))
    return bus.granted, bus.idle is not None, *waiting


def _station(station: Station | None, base: int) -> tuple | None:
    if station is None:
        return None
    queue = tuple((turn - station.turn, _page(page, base)) for turn, _, page in sorted(station.queue))
    turns = tuple(sorted((die, max(turn - station.turn, 0)) for die, turn in station.next_turn.items()))
    return len(station.idle), queue, turns
