"""Which numbers of a profile decide how fast each resource is."""

from nvmsim.device.parts import Device
from nvmsim.device.rber import Rates
from nvmsim.device.resolve import leaves
from nvmsim.timing.modes import reads_again, reads_softly
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
_REREAD = tuple(_OF_SOFT_READS)
"""What each read of a page takes time of; a page crosses the host link once."""
_OF_REREADS = ("ecc.t", "ecc.table", "ecc.limit_rber", "ecc.waterfall_decades", "ecc.retry.max")
_OF_SOFT_REREADS = ("ecc.soft.max", "ecc.soft.waterfall_decades")


def decisive_keys(device: Device, bottleneck: str, *, corrected: Rates | None = None) -> list[str]:
    """Return the keys that decide a resource's speed, of those that the profile has.

    With ECC at the rates ``corrected``, those too that say how often pages are read again, where they are.

    >>> from nvmsim.device.load import load_device
    >>> decisive_keys(load_device("tlc"), "host")
    ['host.bandwidth_gb_s']
    """
    keys = _DECISIVE[bottleneck]
    if corrected is not None and bottleneck in _REREAD:
        soft = reads_softly(device, corrected)
        keys += (_OF_SOFT_READS[bottleneck] if soft else ()) + reread_keys(device, corrected)
    given = leaves(device)
    return [key for key in keys if key in given]


def reread_keys(device: Device, rates: Rates) -> tuple[str, ...]:
    """Return the keys that decide how often ECC has pages read again; none where it has none.

    >>> from nvmsim.device.load import load_device
    >>> tlc = load_device("tlc")
    >>> [reread_keys(tlc, Rates(((rber, rber),) * 3))[-2:] for rber in (1e-3, 2e-2)]
    [(), ('ecc.retry.max', 'ecc.retry.rber_factor')]
    """
    if not reads_again(device, rates):
        return ()
    tuned = "rber.read_retry.steps" if rates.retries else "ecc.retry.rber_factor"
    return (*_OF_REREADS, tuned, *(_OF_SOFT_REREADS if reads_softly(device, rates) else ()))


def bottleneck_assumed(device: Device, bottleneck: str, *, corrected: Rates | None = None) -> bool:
    """Tell whether one of the numbers that decide a resource's speed is an assumption.

    >>> from nvmsim.device.load import load_device
    >>> bottleneck_assumed(load_device("tlc"), "bus"), bottleneck_assumed(load_device("tlc"), "ecc")
    (False, True)
    """
    return any(device.is_assumption(key) for key in decisive_keys(device, bottleneck, corrected=corrected))
