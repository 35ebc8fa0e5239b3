"""What moves through the read path: pages, and the reads that a die does for them."""

from nvmsim.timing.system import ReadCost, ReadSystem


class PageRead:
    """One page on its way from a die to the host.

    ``die`` is the index of its die, ``group`` the number of its group on that die, ``failures`` how many more
    times its decoding will fail, ``retries`` how often it will have been read again, ``cost`` what this read of it
    takes, ``since_fs`` when it began to wait, ``stage`` where it is.
    """

    __slots__ = ("cost", "die", "failures", "group", "retries", "since_fs", "stage")

    def __init__(self, die: int, group: int, failures: int) -> None:
        self.die, self.group, self.failures, self.retries = die, group, failures, failures
        self.cost: ReadCost | None = None
        self.since_fs = self.stage = 0


class ArrayRead:
    """One array read of a die: the pages it senses together and for how long.

    ``out`` of the pages have crossed the bus whole, and the next one has done ``moved`` of its transfers; it waits for
    the bus since ``since_fs``. The pages of one read have one cost.
    """

    __slots__ = ("moved", "out", "pages", "sense_fs", "since_fs")

    def __init__(self, pages: list[PageRead], sense_fs: int) -> None:
        self.pages, self.sense_fs = pages, sense_fs
        self.out = self.moved = self.since_fs = 0


class GroupMap:
    """How many groups each die reads of a model of ``pages`` pages, None for a model without end.

    Groups go round the channels, then the dies. Dies are numbered in that order: die index = die * channels + channel.
    """

    def __init__(self, system: ReadSystem, pages: int | None) -> None:
        self._dies, self._planes = system.dies, system.planes
        self.groups = None if pages is None else -(-pages // system.planes)
        self._last_pages = None if pages is None else pages - (self.groups - 1) * system.planes

    def groups_of(self, die: int) -> float:
        """Count the groups of one die (infinite for a model without end)."""
        return float("inf") if self.groups is None else max(0, -(-(self.groups - die) // self._dies))

    def pages_of(self, die: int, group: int) -> int:
        """Count the pages of one group: all planes, except perhaps in the model's last."""
        last = self.groups is not None and group * self._dies + die == self.groups - 1
        return self._last_pages if last else self._planes
