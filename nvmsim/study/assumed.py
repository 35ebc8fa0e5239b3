"""Which assumed numbers of a profile a result rests on."""

from collections.abc import Sequence

from nvmsim.device.error_models.parameters import ARRHENIUS_KEYS
from nvmsim.device.profile import Condition, Device
from nvmsim.device.resolve import leaves
from nvmsim.device.temperature import Arrhenius
from nvmsim.study.question import Question
from nvmsim.study.tradeoff import Row
from nvmsim.timing.decisive import decisive_keys, reread_keys

_OF_CORRECTION = ("ecc.codeword_bytes", "ecc.t", "ecc.table", "ecc.limit_rber", "ecc.soft.limit_rber")
_OF_SOFT_READS = ("ecc.soft.max", "ecc.soft.waterfall_decades")  # which may decide UBER where they are rare
_OF_WARNINGS = "rber.valid_range."  # changes no rate
_OF_RETRIES = "rber.read_retry."  # changes no first read
_BY_BLOCK = {"block_variation", "layer_variation"}


def assumptions_of(question: Question, rows: Sequence[Row]) -> tuple[tuple[str, object, str], ...]:
    """Return (key, value, source) of the assumed numbers that decide the rows' speed, RBER or correction."""
    device, rates = question.device, question.rates
    corrected = any(row.has_ecc for row in rows)
    keys = [
        key for row in rows for key in decisive_keys(device, row.bottleneck, corrected=rates if row.has_ecc else None)
    ]
    keys += ["page.spare_bytes"]  # every speed-up compares with ecc, which reads them
    again = reread_keys(device, rates) if corrected else ()
    keys += [*(_OF_CORRECTION if corrected else ()), *again, *(_OF_SOFT_READS if again else ())]
    keys += _of_rber(question) if question.rber_given is None else []
    known = leaves(device)
    return tuple(
        (key, known[key], device.source(key))
        for key in dict.fromkeys(keys)
        if key in known and device.is_assumption(key)
    )


def _of_rber(question: Question) -> list[str]:
    """Return what the RBER at an age is reckoned from."""
    device = question.device
    idle = (_OF_WARNINGS, _OF_RETRIES, *_idle_arrhenius(device, question.condition))
    found = [key for key in leaves(device) if key.startswith("rber.") and not key.startswith(idle)]
    return [*found, "geometry.pages_per_block"] if _BY_BLOCK & set(device.rber) else found


def _idle_arrhenius(device: Device, age: Condition) -> tuple[str, ...]:
    """Return what says nothing of an age without retention, or of one at the temperature of the fit."""
    energy, reference = (f"rber.{key}" for key in ARRHENIUS_KEYS)
    if age.retention_days == 0:
        return energy, reference
    fitted_c = leaves(device).get(reference, Arrhenius.reference_temperature_c)
    return (energy,) if age.temperature_c == fitted_c else ()
