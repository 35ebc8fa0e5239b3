"""Which numbers of a profile decide how fast each resource is."""

from nvmsim.device.parts import Device
from nvmsim.device.resolve import leaves
from nvmsim.timing.system import QUEUE

SENSE = "sense"
"""A die whose bits are used where they are sensed: nothing is read out of it."""
_DECISIVE = {
    "die": ("timing.read_us", "timing.cache_read"),
    SENSE: ("timing.read_us",),
    "bus": ("timing.bus_mt_s",),
    "ecc": ("ecc.decode_bandwidth_gb_s", "ecc.decode_growth_per_error", "ecc.engines"),
    "host": (
        "host.bandwidth_gb_s",
        "host.generation",
        "host.lanes",
        "host.max_payload_bytes",
        "host.dllp_bytes_per_packet",
    ),
    QUEUE: ("host.queue_depth", "host.request_bytes", "host.latency_us"),
}
_OF_SOFT_READS = {
    "die": ("ecc.soft.senses",),
    "bus": ("ecc.soft.transfers",),
    "ecc": ("ecc.soft.decode_bandwidth_gb_s", "ecc.soft.decode_growth_per_error"),
}


def decisive_keys(device: Device, bottleneck: str, *, soft_reads: bool = False) -> list[str]:
    """Return the keys that decide a resource's speed, of those that the profile has; with ``soft_reads`` theirs too.

    >>> from nvmsim.device.load import load_device
    >>> decisive_keys(load_device("tlc"), "host")
    ['host.bandwidth_gb_s']
    """
    given = leaves(device)
    keys = _DECISIVE[bottleneck] + (_OF_SOFT_READS.get(bottleneck, ()) if soft_reads else ())
    return [key for key in keys if key in given]


def bottleneck_assumed(device: Device, bottleneck: str, *, soft_reads: bool = False) -> bool:
    """Tell whether one of the numbers that decide a resource's speed is an assumption.

    >>> from nvmsim.device.load import load_device
    >>> bottleneck_assumed(load_device("tlc"), "bus"), bottleneck_assumed(load_device("tlc"), "ecc")
    (False, True)
    """
    keys = decisive_keys(device, bottleneck, soft_reads=soft_reads)
    return any(device.is_assumption(key) for key in keys)
