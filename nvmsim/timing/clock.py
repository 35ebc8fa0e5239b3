"""Simulated time in whole femtoseconds, with a last moment at every instant."""

from typing import Any

import simpy

LAST = simpy.events.EventPriority(2)  # simpy's own events have 0 (urgent) and 1 (normal)


class LastTimeout(simpy.Event):
    """Happens after ``delay_fs``, behind all that happens at the same instant."""

    def __init__(self, clock: "Clock", delay_fs: int, value: Any) -> None:
        super().__init__(clock)
        self._ok, self._value = True, value
        clock.schedule(self, LAST, delay_fs)


class LastEvent(simpy.Event):
    """Happens when fired, behind all that happens at the same instant."""

    def fire(self, value: Any) -> None:
        """Let it happen at this instant."""
        self._ok, self._value = True, value
        self.env.schedule(self, LAST)


class Clock(simpy.Environment):
    """A simpy environment that starts at 0 fs and whose pending events can be read.

    Arbitration needs the last moment: a bus that becomes free must see every request made at that instant.
    """

    def last_timeout(self, delay_fs: int, value: Any) -> LastTimeout:
        """Return an event ``delay_fs`` from now, behind all that happens then."""
        return LastTimeout(self, delay_fs, value)

    def last_event(self) -> LastEvent:
        """Return an event that waits to be fired."""
        return LastEvent(self)

    def pending(self) -> list[tuple[int, int, Any]]:
        """List (time from now, priority, value) of the events to come, in the order in which they will happen."""
        return [(at - self._now, rank, event._value) for at, rank, _, event in sorted(self._queue)]
