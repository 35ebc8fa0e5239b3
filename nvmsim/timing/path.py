"""The whole read path put together: dies and buses, then ECC engines, then the host link."""

from collections.abc import Callable

from nvmsim.timing.attempts import Attempts
from nvmsim.timing.bus import Bus
from nvmsim.timing.clock import Clock
from nvmsim.timing.die import Die
from nvmsim.timing.pages import GroupMap, PageRead
from nvmsim.timing.station import Station
from nvmsim.timing.system import ReadSystem
from nvmsim.timing.tally import Tally

DECODE_STAGE, HOST_STAGE = 1, 2


class ReadPath:
    """A simulation of a :class:`~nvmsim.timing.system.ReadSystem` that reads a model of ``pages`` pages.

    None reads on without end. All dies start idle at time 0. ``credit_groups`` replaces the system's own.
    """

    def __init__(self, system: ReadSystem, pages: int | None = None, *, credit_groups: int | None = None) -> None:
        self.system, self.clock, self.tally = system, Clock(), Tally()
        self.buses = [Bus(self.clock, system, self.tally, index) for index in range(system.channels)]
        self.dies = [self._die(index) for index in range(system.dies)]
        delivery = (system.delivery_fs, 0)
        self.decoders = self._station(system.engines, _decoding_fs, DECODE_STAGE)
        self.host = self._station(int(system.delivery_fs > 0), lambda page: delivery, HOST_STAGE)
        self._milestone = None
        self._connect(credit_groups or system.credit_groups)
        for die in self.dies:
            die.start(GroupMap(system, pages))

    def run(self) -> int:
        """Read the whole model and return the time its last page arrives, in femtoseconds."""
        self.clock.run()
        return self.clock.now

    def run_to_milestone(self) -> int:
        """Run until die 0 starts its next group of page type 0 and return the time in femtoseconds."""
        self._milestone = self.clock.event()
        self.clock.run(until=self._milestone)
        return self.clock.now

    def sums(self) -> tuple[int, ...]:
        """Return the tally's sums in the order of ``Tally.NAMES``."""
        self.tally.decode_wait_fs = self.decoders.wait_fs if self.decoders else 0
        self.tally.host_wait_fs = self.host.wait_fs if self.host else 0
        return self.tally.values()

    def _die(self, index: int) -> Die:
        return Die(self.clock, self.system, self.tally, self.buses[index % self.system.channels], index)

    def _station(self, servers: int, times_fs: Callable[[PageRead], tuple[int, int]], stage: int) -> Station | None:
        return Station(self.clock, servers, times_fs=times_fs, stage=stage) if servers else None

    def _connect(self, credit_groups: int) -> None:
        for bus in self.buses:
            bus.arrived = self._arrived
        self.dies[0].group_started = self._group_started
        fails = Attempts(self.system) if self.system.retried else None
        for die in self.dies:
            die.fails = fails
            if self.decoders or self.host:
                die.credits = credit_groups * self.system.planes
        if self.decoders:
            self.decoders.done = self._decoded
        if self.host:
            self.host.done = self._delivered

    def _group_started(self, die: Die) -> None:
        if self._milestone is not None and die.group % self.system.types == 0:
            event, self._milestone = self._milestone, None
            event.succeed("milestone")

    def _arrived(self, page: PageRead) -> None:
        if self.decoders:
            self.tally.decode_fs += page.cost.decode_fs
            self.tally.decode_latency_fs += page.cost.latency_fs
            self.decoders.put(page)
        else:
            self._good(page)

    def _decoded(self, page: PageRead) -> None:
        if page.failures:
            page.failures -= 1
            self.dies[page.die].read_again(page)
        else:
            self._good(page)

    def _good(self, page: PageRead) -> None:
        if self.host:
            self.host.put(page)
        else:
            self._delivered(page)

    def _delivered(self, page: PageRead) -> None:
        self.tally.delivered += 1
        self.tally.retries += page.retries
        self.dies[page.die].give_back()


def _decoding_fs(page: PageRead) -> tuple[int, int]:
    return page.cost.decode_fs, page.cost.latency_fs
