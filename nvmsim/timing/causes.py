"""A speed-up over the ECC baseline, split into its causes."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from nvmsim.device.profile import Device
from nvmsim.timing.read_path import bandwidth_mb_s
from nvmsim.timing.system import ReadSystem, read_system

WEIGHT_BITS = 16  # of the baseline's words, and of the measure "GB/s of weights"


@dataclass(frozen=True)
class SpeedCauses:
    """Factors whose product is ``speedup``, the ratio of model loads a second.

    ``bytes`` is what fewer bytes on the bus and more or narrower words on a page give, ``decoder`` what the ECC
    engines cost, ``retries`` what reading again costs, ``host`` what the host (link and queue depth) takes away from
    or leaves of that.
    """

    speedup: float
    bytes: float
    decoder: float
    retries: float
    host: float


def weights_gb_s(read_bandwidth_mb_s: float, weight_bits: float) -> float:
    """Turn a bandwidth into 10^9 bytes a second of decoded weights, two bytes each.

    >>> weights_gb_s(1700.0, 17)
    1.6
    """
    return read_bandwidth_mb_s * WEIGHT_BITS / weight_bits / 1000


def speed_causes(
    device: Device, mode: str, *, page_failures: Any, weight_bits: float, codeword_errors: Any = None
) -> SpeedCauses:
    """Split the speed-up of ``mode`` at ``weight_bits`` stored bits a weight over mode ecc at 16 bits.

    Retries, the decoder and then the other bytes are taken away one after another, the host link always absent;
    ``host`` is the rest. ``page_failures`` and ``codeword_errors`` as for
    :func:`nvmsim.timing.read_path.read_timing`.

    >>> from nvmsim.device.profile import load_device
    >>> speed_causes(load_device("tlc"), "ecc", page_failures=None, weight_bits=16).speedup
    1.0
    """
    ecc, system = (read_system(device, one, page_failures, codeword_errors=codeword_errors) for one in ("ecc", mode))
    width = WEIGHT_BITS / weight_bits
    speedup = width * bandwidth_mb_s(system) / bandwidth_mb_s(ecc)
    steps = [_free(ecc), *([] if mode == "ecc" else _stripped(ecc)), _free(system)]
    speeds = [bandwidth_mb_s(step) for step in steps]
    *removed, size = [after / before for before, after in pairwise(speeds)]
    retries, decoder = removed or (1.0, 1.0)
    return SpeedCauses(speedup, size * width, decoder, retries, speedup / (size * width * decoder * retries))


def _free(system: ReadSystem) -> ReadSystem:
    return replace(system, host_fs=0, queue_fs=0)


def _stripped(ecc: ReadSystem) -> list[ReadSystem]:
    """Return mode ecc without host link and retries, and then without decoder too."""
    once = replace(_free(ecc), retries=())
    return [once, replace(once, engines=0, decode_fs=0, decode_latency_fs=0, costs=())]
