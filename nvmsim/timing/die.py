"""One die: command, array read, data out, group after group, and the reads that have to be done again."""

from collections import deque
from collections.abc import Callable, Generator

import simpy

from nvmsim.timing.bus import Bus
from nvmsim.timing.clock import Clock
from nvmsim.timing.pages import ArrayRead, GroupMap, PageRead
from nvmsim.timing.system import ReadSystem
from nvmsim.timing.tally import Tally


class Die:
    """A simpy process. Its planes sense one group together into the page register, and data leave from ``register``.

    With cache read that is a register of its own: the next command follows once a group has moved there.
    Without, there is one register, and the next command follows the last byte out. A page whose decoding failed
    is read again, alone, before the next group. ``credits`` counts the pages of buffer left to this die.
    """

    def __init__(self, clock: Clock, system: ReadSystem, tally: Tally, bus: Bus, index: int) -> None:
        self._clock, self._system, self._tally, self._bus, self.index = clock, system, tally, bus, index
        self.group, self.groups, self.credits = 0, 0.0, float("inf")
        self.retries: deque[PageRead] = deque()
        self.sensing: ArrayRead | None = None
        self.register: ArrayRead | None = None
        self.sent = self.wake = self.freed = None
        self.fails: Callable[[int, int], list[int]] | None = None
        self.group_started: Callable[[Die], None] | None = None

    def start(self, groups: GroupMap) -> None:
        """Begin to read this die's share of a model."""
        self._map, self.groups = groups, groups.groups_of(self.index)
        self._clock.process(self._run())

    def read_again(self, page: PageRead) -> None:
        """Queue a page whose decoding failed."""
        page.since_fs = self._clock.now
        self.retries.append(page)
        self._rouse()

    def give_back(self) -> None:
        """Return one page's buffer."""
        self.credits += 1
        if self.wake is not None and self.credits >= self._system.planes:
            self._rouse()

    def drained(self) -> None:
        """Note that the register's last byte is out."""
        self.register = None
        if self.freed is not None:
            event, self.freed = self.freed, None
            event.succeed(("freed", self.index))

    def _rouse(self) -> None:
        if self.wake is not None:
            event, self.wake = self.wake, None
            event.succeed(("wake", self.index))

    def _run(self) -> Generator[simpy.Event]:
        clock, cache_read = self._clock, self._system.cache_read
        while True:
            while (read := self._next_read()) is None:
                self.wake = clock.event()
                yield self.wake
            self.sensing, self.sent = read, clock.event()
            self._bus.request_command(self)
            yield self.sent
            yield clock.timeout(read.sense_fs, ("sensed", self.index))
            if self.register is not None:
                yield from self._wait_for_register()
            self._offer(read)
            if not cache_read:
                self.freed = clock.event()
                yield self.freed

    def _wait_for_register(self) -> Generator[simpy.Event]:
        sensed_fs, self.freed = self._clock.now, self._clock.event()
        yield self.freed
        self._tally.die_wait_fs += len(self.sensing.pages) * (self._clock.now - sensed_fs)

    def _offer(self, read: ArrayRead) -> None:
        self.sensing, self.register = None, read
        self._tally.sense_fs += read.sense_fs
        self._tally.page_sense_fs += read.sense_fs * len(read.pages)
        self._bus.offer_data(self)

    def _next_read(self) -> ArrayRead | None:
        if self.retries:
            page = self.retries.popleft()
            self._tally.die_wait_fs += self._clock.now - page.since_fs
            return self._array_read([page])
        if self.group >= self.groups or self.credits < self._system.planes:
            return None
        return self._next_group()

    def _next_group(self) -> ArrayRead:
        group = self.group
        if self.group_started is not None:
            self.group_started(self)
        self.group += 1
        count = self._map.pages_of(self.index, group)
        self.credits -= count
        fails = [0] * count if self.fails is None else self.fails(self.index, group)
        return self._array_read([PageRead(self.index, group, fails[plane]) for plane in range(count)])

    def _array_read(self, pages: list[PageRead]) -> ArrayRead:
        first, system = pages[0], self._system
        kind = first.group % system.types
        cost = system.cost(kind, first.retries - first.failures)
        for page in pages:
            page.cost = cost
        return ArrayRead(pages, cost.senses * system.read_fs[kind] + system.before_data_fs)
