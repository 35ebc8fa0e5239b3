"""What a profile says of its code that no code can do: it runs all the same, and every result says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nvmsim.device.shannon import half_limit, hard_limit, least_failure, soft_limit

if TYPE_CHECKING:
    from nvmsim.device.ecc import Ldpc
    from nvmsim.device.parts import Condition, Device


def code_doubts(device: Device) -> tuple[str, ...]:
    """Return what no code can do though the device's ``ecc`` says so, a sentence each, that of soft reads behind.

    >>> from nvmsim.device.profile import load_device
    >>> code_doubts(load_device("tlc", ["ecc.parity_bytes=256"]))[0]
    'ecc.waterfall_decades: half of the codewords fail at RBER 0.0118, but no code of 34816 bits, 2048 ...'
    """
    from nvmsim.device.ecc import make_ecc

    ecc = make_ecc(device.ecc)
    soft = () if device.ecc.soft is None else ecc.codes[-1].soft.doubts(soft=True)
    return (*ecc.doubts(), *(text.replace("ecc.", "ecc.soft.", 1) for text in soft))


def notes_at(device: Device, condition: Condition) -> list[str]:
    """Return what to know of a device at an age, of its code first."""
    from nvmsim.device.ages import age_at

    return [*code_doubts(device), *(f"condition {condition.name}: {note}" for note in age_at(device, condition).notes)]


def beyond_limits(code: Ldpc, *, soft: bool) -> tuple[str, ...]:
    """Say where half of the codewords survive Shannon's limit, or hard reads keep what sphere packing forbids."""
    bits, parity_bits, limit = code.codeword_bits, code.codeword_bits - code.data_bits, code.spec.limit_rber
    half, most = 10**code.waterfall.middle_log10, half_limit(bits, parity_bits)
    if soft and parity_bits:  # a finite length is taken to give soft reads what it gives hard ones
        rate = code.data_bits / bits
        most *= soft_limit(rate) / hard_limit(rate)
    found = []
    if half > most:
        found.append(
            f"ecc.waterfall_decades: half of the codewords fail at RBER {half:.3g}, but no code of {bits} bits, "
            f"{parity_bits} of them parity, decodes half of its {'soft' if soft else 'hard'} reads beyond {most:.3g} "
            f"({'Shannon' if soft else 'sphere packing'})"
        )
    least = 0.0 if soft else least_failure(bits, parity_bits, limit) / code.data_bits
    if least > code.spec.uber_target * (1 + 1e-9):
        found.append(
            f"ecc.limit_rber: UBER is to be {code.spec.uber_target:.2g} at RBER {limit:g}, but no code of {bits} bits, "
            f"{parity_bits} of them parity, has less than {least:.2g} there (sphere packing)"
        )
    return tuple(found)
