"""Identical servers that take the dies in turn: the ECC engines, and the host link."""

from collections.abc import Callable, Generator
from heapq import heappop, heappush

import simpy

from nvmsim.timing.clock import Clock
from nvmsim.timing.pages import PageRead


class Station:
    """``servers`` simpy processes; ``times_fs(page)`` tells how long one holds a page, and how much later it goes on.

    The delay is latency, not work: the server is free meanwhile. Dies are served round robin, the pages of a die
    first come first served: in stream order, so that no die runs ahead of the others while the station is what
    limits. ``wait_fs`` sums the pages' time in the queue.
    """

    def __init__(
        self, clock: Clock, servers: int, *, times_fs: Callable[[PageRead], tuple[int, int]], stage: int
    ) -> None:
        self._clock, self._times_fs, self._stage = clock, times_fs, stage
        self.queue: list[tuple[int, int, PageRead]] = []  # a heap by turn, then die
        self.turn, self.next_turn = 0, {}
        self.idle: list[simpy.Event] = []
        self.wait_fs = 0
        self.done: Callable[[PageRead], None] = lambda page: None
        for _ in range(servers):
            clock.process(self._serve())

    def put(self, page: PageRead) -> None:
        """Queue a page."""
        page.since_fs, page.stage = self._clock.now, self._stage
        turn = max(self.turn, self.next_turn.get(page.die, 0))
        self.next_turn[page.die] = turn + 1
        heappush(self.queue, (turn, page.die, page))
        if self.idle:
            self.idle.pop().succeed(self._stage)

    def _serve(self) -> Generator[simpy.Event]:
        while True:
            while not self.queue:
                self.idle.append(self._clock.event())
                yield self.idle[-1]
            self.turn, _, page = heappop(self.queue)
            self.wait_fs += self._clock.now - page.since_fs
            service_fs, delay_fs = self._times_fs(page)
            yield self._clock.timeout(service_fs, page)
            self._hand_on(page, delay_fs)

    def _hand_on(self, page: PageRead, delay_fs: int) -> None:
        if not delay_fs:
            self.done(page)
            return
        page.stage = -self._stage
        self._clock.timeout(delay_fs, page).callbacks.append(lambda event: self.done(event.value))
