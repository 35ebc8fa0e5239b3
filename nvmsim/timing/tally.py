"""What the simulation counts."""


class Tally:
    """Sums over the simulation so far: events as counts, times in femtoseconds.

    ``commands``, ``transfers`` and ``delivered`` count; ``sense_fs`` sums over commands, ``page_sense_fs``,
    ``decode_fs`` (of engines), ``decode_latency_fs`` and the four waits over pages; ``retries`` counts the extra reads
    of delivered pages.
    """

    __slots__ = NAMES = (
        "commands",
        "command_pages",
        "sense_fs",
        "page_sense_fs",
        "bus_wait_fs",
        "die_wait_fs",
        "transfers",
        "decode_fs",
        "decode_latency_fs",
        "decode_wait_fs",
        "host_wait_fs",
        "delivered",
        "retries",
    )

    def __init__(self) -> None:
        for name in self.NAMES:
            setattr(self, name, 0)

    def values(self) -> tuple[int, ...]:
        """Return the sums in the order of ``NAMES``."""
        return tuple(getattr(self, name) for name in self.NAMES)
