"""How long a page read takes in a device that does nothing else: the latency that a lone reader sees."""

from nvmsim.device.layout import MODES
from nvmsim.device.parts import Condition, Device
from nvmsim.timing.modes import decoding_at
from nvmsim.timing.system import FS_PER_US, ReadSystem, read_system


def alone_us(device: Device, age: Condition) -> dict[str, dict[str, float]]:
    """Return the mean time of a lone page read by mode and page type, in microseconds, with its retries at an age.

    A command, the array, its output latency, the bus and, through ECC, the decoder for each read that is made, and the
    host link once.

    >>> from nvmsim.device.load import load_device
    >>> tlc = load_device("tlc")
    >>> {name: round(time, 2) for name, time in alone_us(tlc, tlc.condition())["bypass"].items()}
    {'lsb': 48.71, 'csb': 57.71, 'msb': 48.71}
    """
    decoding = decoding_at(device, age)
    return {mode: _by_type(device, read_system(device, mode, **decoding)) for mode in MODES}


def _by_type(device: Device, system: ReadSystem) -> dict[str, float]:
    output_us = device.timing.output_latency_us or 0.0
    return {
        name: _page_fs(system, kind) / FS_PER_US + output_us * sum(made for made, _ in system.reads[kind])
        for kind, name in enumerate(device.page_types)
    }


def _page_fs(system: ReadSystem, kind: int) -> float:
    read_fs = system.read_fs[kind]
    each = (
        made
        * (
            system.command_fs
            + cost.senses * read_fs
            + cost.transfers * system.transfer_fs
            + cost.decode_fs
            + cost.latency_fs
        )
        for made, cost in system.reads[kind]
    )
    return sum(each) + system.host_fs


def queue_note(device: Device, alone: dict[str, dict[str, float]]) -> list[str]:
    """Say where the requests in flight are said to take less than any page read by itself does."""
    least, said = min(min(times.values()) for times in alone.values()), device.host.latency_us
    if said is None or said >= least:
        return []
    return [f"host.latency_us: {said:g}: a page read by itself takes {least:.4g} us at least, which no queue shortens"]
