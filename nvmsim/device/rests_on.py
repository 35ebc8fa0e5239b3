"""Which keys of a profile its errors rest on: what the RBER at an age is reckoned from, and what ECC leaves of it."""

from dataclasses import replace

from nvmsim.device.ecc import final_uber
from nvmsim.device.error_models.level_model import LevelModel
from nvmsim.device.parts import Condition, Device, Retry
from nvmsim.device.rber import Rates, error_model
from nvmsim.device.resolve import leaves

NEAR = 1e-3
"""A first read whose UBER is below this part of the target leaves nothing to retries and the waterfall's width."""
_OF_A_CODE = ("ecc.code", "ecc.codeword_bytes", "ecc.t", "ecc.table", "ecc.input", "ecc.limit_rber")
_NEAR_ITS_LIMIT = ("ecc.parity_bytes", "ecc.waterfall_decades", "ecc.uber_target", "ecc.retry.max")
_OF_SOFT_READS = ("ecc.soft.max", "ecc.soft.limit_rber", "ecc.soft.waterfall_decades")
_NOT_OF_A_FIRST_READ = ("valid_range", "read_retry")  # the one only warns
_BY_BLOCK = {"block_variation", "layer_variation"}


def rber_keys(device: Device, age: Condition) -> tuple[str, ...]:
    """Return the keys that the RBER of a first read at an age is reckoned from.

    >>> from nvmsim.device.load import load_device
    >>> stt = load_device("stt-mram")
    >>> rber_keys(stt, stt.condition("fresh"))
    ('rber.model', 'rber.points')
    """
    model = error_model(device)
    idle = tuple(f"rber.{key}" for key in (*_NOT_OF_A_FIRST_READ, *model.idle(age)))
    found = [key for key in leaves(device) if key.startswith("rber.") and not _within(key, idle)]
    found += ["cell.gray_code"] if isinstance(model, LevelModel) else []
    return (*found, "geometry.pages_per_block") if _BY_BLOCK & set(device.rber) else tuple(found)


def _within(key: str, sections: tuple[str, ...]) -> bool:
    return any(f"{key}.".startswith(f"{section}.") for section in sections)


def correction_keys(device: Device, rates: Rates) -> tuple[str, ...]:
    """Return the keys that decide what ECC leaves of these rates; far below its limit only those of the code itself.

    >>> from nvmsim.device.load import load_device
    >>> tlc = load_device("tlc")
    >>> [correction_keys(tlc, Rates(((rber, rber),) * 3))[-1] for rber in (1e-3, 2e-2)]
    ['ecc.limit_rber', 'ecc.retry.rber_factor']
    """
    if device.ecc.code == "none":
        return ()
    known = leaves(device)
    keys = [*_OF_A_CODE, *(_further_keys(device, rates) if _is_near(device, rates) else ())]
    return tuple(key for key in keys if key in known)


def _is_near(device: Device, rates: Rates) -> bool:
    once = replace(device, ecc=replace(device.ecc, retry=Retry(), soft=None))
    return final_uber(once, rates) > NEAR * device.ecc.uber_target


def _further_keys(device: Device, rates: Rates) -> tuple[str, ...]:
    """Return what decides beyond the first read; tuned read levels stand in place of the factor."""
    factor = "rber.read_retry.steps" if rates.retries else "ecc.retry.rber_factor"
    return (*_NEAR_ITS_LIMIT, *_OF_SOFT_READS, *((factor,) if device.ecc.retry.max else ()))
