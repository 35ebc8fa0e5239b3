"""Which assumed numbers of a profile a result rests on."""

from collections.abc import Sequence

from nvmsim.device.parts import Condition
from nvmsim.device.resolve import leaves
from nvmsim.device.rests_on import correction_keys, rber_keys
from nvmsim.study.question import Question
from nvmsim.study.tradeoff import Row
from nvmsim.timing.decisive import decisive_keys

_PER_READ = "rber.per_read_fraction"  # the one of its section that an RBER given leaves, and that may be unasked


def assumptions_of(question: Question, rows: Sequence[Row]) -> tuple[tuple[str, object, str], ...]:
    """Return (key, value, source) of the assumed numbers that decide the rows' speed, RBER or correction.

    An age itself is what was asked, whoever chose its numbers.
    """
    device, rates, age = question.device, question.rates, age_of(question)
    keys = [
        key
        for row in rows
        for key in decisive_keys(device, row.bottleneck, corrected=rates if row.has_ecc else None, age=age)
    ]
    keys += ["page.spare_bytes"]  # every speed-up compares with ecc, which reads them
    keys += correction_keys(device, rates) if any(row.has_ecc for row in rows) else ()
    keys += [key for key in (rber_keys(device, age) if age else ()) if key != _PER_READ]
    keys += [_PER_READ] if question.reads_per_inference else []
    known = leaves(device)
    return tuple(
        (key, known[key], device.source(key))
        for key in dict.fromkeys(keys)
        if key in known and device.is_assumption(key)
    )


def age_of(question: Question) -> Condition | None:
    """Return the age that the rates are of; None where an RBER was given in its place."""
    return question.condition if question.rber_given is None else None
