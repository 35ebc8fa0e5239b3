"""Which numbers of a profile decide how fast each resource is."""

from nvmsim.device.parts import Condition, Device
from nvmsim.device.rber import Rates
from nvmsim.device.resolve import leaves
from nvmsim.device.rests_on import correction_keys, rber_keys
from nvmsim.timing.modes import reads_again, reads_softly
from nvmsim.timing.system import QUEUE

SENSE = "sense"
"""A die whose bits are used where they are sensed: nothing is read out of it."""
_DECISIVE = {
    "die": ("timing.read_us", "timing.cache_read"),
    SENSE: ("timing.read_us",),
    "bus": ("timing.bus_mt_s",),
    "ecc": ("ecc.decode_bandwidth_gb_s", "ecc.decode_growth_per_error", "ecc.decode_growth_limit", "ecc.engines"),
    "host": (
        "host.bandwidth_gb_s",
        "host.generation",
        "host.lanes",
        "host.max_payload_bytes",
        "host.dllp_bytes_per_packet",
    ),
    QUEUE: ("host.queue_depth", "host.request_bytes", "host.latency_us"),
}
_OF_ONE_REGISTER = ("timing.bus_mt_s", "timing.command_us", "timing.output_latency_us")
"""What a die without cache read waits for before its next array read."""
_OF_SOFT_READS = {
    "die": ("ecc.soft.senses",),
    "bus": ("ecc.soft.transfers",),
    "ecc": ("ecc.soft.decode_bandwidth_gb_s", "ecc.soft.decode_growth_per_error", "ecc.soft.decode_growth_limit"),
}
"""What soft reads cost of what each read of a page takes time of; the host link is not of these, crossed once."""


def decisive_keys(
    device: Device, bottleneck: str, *, corrected: Rates | None = None, age: Condition | None = None
) -> list[str]:
    """Return the keys that decide a resource's speed, of those that the profile has.

    Where ECC has pages read again at the rates ``corrected``, those too that decide how often: what it corrects, and
    what the RBER of the ``age`` is reckoned from, if the rates are of one.

    >>> from nvmsim.device.load import load_device
    >>> tlc, old = load_device("tlc"), Rates(((2e-2, 2e-2),) * 3)
    >>> decisive_keys(tlc, "host", corrected=old), decisive_keys(tlc, "bus")
    (['host.bandwidth_gb_s'], ['timing.bus_mt_s'])
    >>> decisive_keys(tlc, "bus", corrected=old)[-2:]
    ['ecc.retry.max', 'ecc.retry.rber_factor']
    """
    keys = _DECISIVE[bottleneck]
    if bottleneck == "die" and not device.timing.cache_read:
        keys += _OF_ONE_REGISTER
    if corrected is not None and bottleneck in _OF_SOFT_READS and reads_again(device, corrected):
        keys += _reread_keys(device, bottleneck, corrected) + (rber_keys(device, age) if age else ())
    given = leaves(device)
    return [key for key in keys if key in given]


def _reread_keys(device: Device, bottleneck: str, rates: Rates) -> tuple[str, ...]:
    found = correction_keys(device, rates)
    if reads_softly(device, rates):
        return _OF_SOFT_READS[bottleneck] + found
    return tuple(key for key in found if not key.startswith("ecc.soft."))


def bottleneck_assumed(
    device: Device, bottleneck: str, *, corrected: Rates | None = None, age: Condition | None = None
) -> bool:
    """Tell whether one of the numbers that decide a resource's speed is an assumption.

    >>> from nvmsim.device.load import load_device
    >>> bottleneck_assumed(load_device("tlc"), "bus"), bottleneck_assumed(load_device("tlc"), "ecc")
    (False, True)
    """
    keys = decisive_keys(device, bottleneck, corrected=corrected, age=age)
    return any(device.is_assumption(key) for key in keys)
