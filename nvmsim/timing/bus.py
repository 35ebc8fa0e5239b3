"""The bus of one channel: it carries one command or one plane's bytes at a time."""

from collections.abc import Callable, Generator
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import simpy

from nvmsim.timing.clock import Clock
from nvmsim.timing.pages import PageRead
from nvmsim.timing.system import ReadSystem
from nvmsim.timing.tally import Tally

if TYPE_CHECKING:
    from nvmsim.timing.die import Die


class Bus:
    """A simpy process that grants the bus, never taking a grant back.

    "fair": waiting commands first. "data_out_first": no command while any die on the bus has data to send, also
    between two planes, or two transfers of a soft read. Commands among themselves, and groups of data among themselves,
    go first come first served, those of one instant by die. A list put into ``log`` collects the grants: (start fs, end
    fs, what, die).
    """

    def __init__(self, clock: Clock, system: ReadSystem, tally: Tally, index: int) -> None:
        self._clock, self._system, self._tally, self.index = clock, system, tally, index
        self.commands: list[tuple[int, int, Die]] = []  # heaps by time of request, then die
        self.data: list[tuple[int, int, Die]] = []
        self.granted: tuple[str, int] | None = None
        self.idle: simpy.Event | None = None
        self.arrived: Callable[[PageRead], None] = lambda page: None
        self.log: list[tuple[int, int, str, int]] | None = None
        clock.process(self._run())

    def request_command(self, die: "Die") -> None:
        """Queue a die's next command."""
        heappush(self.commands, (self._clock.now, die.index, die))
        self._wake()

    def offer_data(self, die: "Die") -> None:
        """Queue all planes of the group in a die's register."""
        die.register.since_fs = self._clock.now
        heappush(self.data, (self._clock.now, die.index, die))
        self._wake()

    def _wake(self) -> None:
        if self.idle is not None:
            event, self.idle = self.idle, None
            event.fire(("bus", self.index))

    def _run(self) -> Generator[simpy.Event]:
        command_first = self._system.command_first
        while True:
            if self.commands and (command_first or not self.data):
                yield from self._send_command()
            elif self.data:
                yield from self._send_plane()
            else:
                self.idle = self._clock.last_event()
                yield self.idle

    def _send_command(self) -> Generator[simpy.Event]:
        since_fs, _, die = heappop(self.commands)
        pages = len(die.sensing.pages)
        self._tally.bus_wait_fs += pages * (self._clock.now - since_fs)
        self._tally.commands += 1
        self._tally.command_pages += pages
        yield self._hold("command", die, self._system.command_fs)
        die.sent.succeed(("sent", die.index))

    def _send_plane(self) -> Generator[simpy.Event]:
        die = self.data[0][-1]
        read = die.register
        page = read.pages[read.out]
        self._tally.bus_wait_fs += self._clock.now - read.since_fs
        self._tally.transfers += 1
        yield self._hold("data", die, self._system.transfer_fs)
        read.moved += 1
        if read.moved < page.cost.transfers:
            read.since_fs = self._clock.now
            return
        read.out, read.moved = read.out + 1, 0
        if read.out == len(read.pages):
            heappop(self.data)
            die.drained()
            yield self._clock.last_timeout(0, ("bus", self.index))  # the die may ask for a command at this instant
        self.arrived(page)

    def _hold(self, what: str, die: "Die", time_fs: int) -> simpy.Event:
        self.granted = (what, die.index)
        if self.log is not None:
            self.log.append((self._clock.now, self._clock.now + time_fs, what, die.index))
        return self._clock.last_timeout(time_fs, ("bus", self.index))
