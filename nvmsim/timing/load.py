"""How long a whole model takes to load, from idle dies to its last page at the host."""

from dataclasses import replace

from nvmsim.timing.path import ReadPath
from nvmsim.timing.steady_state import SteadyState, smallest, steady_state
from nvmsim.timing.system import FS_PER_US, ReadSystem

SIMULATED_PAGES = 1 << 14


def load_us(system: ReadSystem, pages: int) -> float:
    """Return the microseconds in which ``pages`` pages of a model arrive, the dies idle at first.

    A long model is cut short by whole periods of the steady state: the run with m periods less ends exactly m
    period times earlier, because both runs pass through the same state with the same pages still to read. Where
    there is no period, pages beyond ``SIMULATED_PAGES`` are read at the steady bandwidth.
    """
    if not pages:
        return 0.0
    if smallest(system) is not system and system.channels > 1:
        return max(load_us(replace(system, channels=1), part) for part in _channel_pages(system, pages))
    if pages <= 2 * system.credit_groups * system.round_pages:  # too short to have a steady state
        return full_load_us(system, pages)
    return _extended_us(system, pages, steady_state(system))


def full_load_us(system: ReadSystem, pages: int) -> float:
    """Return the same by simulating every page."""
    return ReadPath(system, pages).run() / FS_PER_US


def _channel_pages(system: ReadSystem, pages: int) -> set[int]:
    """Return the different numbers of pages that a channel reads of a model."""
    groups, short = -(-pages // system.planes), -pages % system.planes
    share = [-(-(groups - channel) // system.channels) * system.planes for channel in range(system.channels)]
    share[(groups - 1) % system.channels] -= short
    return set(share)


def _extended_us(system: ReadSystem, pages: int, steady: SteadyState) -> float:
    """Simulate a model that is shorter by whole turns through the page types, and add the time of what is cut."""
    turn_pages = (steady.rounds or system.types) * system.round_pages
    shortest = (steady.reached_rounds + 1) * system.round_pages if steady.rounds else SIMULATED_PAGES
    cut = max(0, (pages - shortest) // turn_pages) * turn_pages
    return full_load_us(system, pages - cut) + cut / steady.pages_per_fs / FS_PER_US
