"""How numbers and names are written, the same in the terminal, the page and the figures."""

import re
from collections.abc import Iterable, Mapping
from math import isfinite

from nvmsim.study.tradeoff import Row

_AGE = {
    "pe_cycles": "{} P/E cycles",
    "retention_days": "{} days of retention",
    "temperature_c": "at {} °C",
    "reads_per_page": "{} reads a page",
    "rber": "RBER {}",
}


def clean(text: object) -> str:
    """Return the text on one line, with every character that is not printable (terminal escapes too) as ``?``.

    >>> clean("a\\x1b[1mb")
    'a?[1mb'
    """
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(text).split()))


def short(text: str, *, limit: int) -> str:
    """Return the text, or its start and an ellipsis where it is longer than a figure has room for.

    >>> short("a name", limit=6), short("a longer name", limit=6)
    ('a name', 'a lon…')
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"


def apart(texts: Iterable[str], *, limit: int) -> dict[str, str]:
    """Return each text as a figure shows it: cut as by :func:`short`, or in its middle or less where two look alike.

    >>> apart(["ecc/bits=15-13", "ecc/bits=15-12"], limit=10)
    {'ecc/bits=15-13': 'ecc/bi…-13', 'ecc/bits=15-12': 'ecc/bi…-12'}
    """
    every = tuple(dict.fromkeys(texts))
    longest = max(map(len, every), default=0)
    for width in range(limit, longest + 1):
        for tail in (0, width // 3, width // 2, 2 * width // 3):
            labels = {text: _cut(text, width, tail) for text in every}
            if len(set(labels.values())) == len(every):
                return labels
    return {text: text for text in every}


def _cut(text: str, width: int, tail: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def number(value: float, *, digits: int = 4) -> str:
    """Return a number at ``digits`` significant digits, thousands separated.

    >>> number(19456.7), number(12.8415), number(0.0)
    ('19,457', '12.84', '0')
    """
    if value == 0 or not isfinite(value):
        return "0" if value == 0 else str(value)
    rounded = f"{value:.{digits - 1}e}"
    exponent = int(rounded.partition("e")[2])
    if not -4 < exponent < 9:
        return rounded
    return f"{float(rounded) if exponent < digits else value:,.{max(digits - 1 - exponent, 0)}f}"


def rate(value: float | None) -> str:
    """Return an error rate, such as ``3.9e-03``.

    >>> rate(0.0039), rate(0), rate(None)
    ('3.9e-03', '0', '-')
    """
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.1e}"


def percent(fraction: float) -> str:
    """Return a fraction in percent, two decimals, without the sign.

    >>> percent(0.99123)
    '99.12'
    """
    return points(100 * fraction)


def points(value: float) -> str:
    """Return percentage points, two decimals; never ``-0.00``.

    >>> points(-0.001), points(-0.12)
    ('0.00', '-0.12')
    """
    return f"{round(value, 2) + 0.0:.2f}"


def accuracy(row: Row) -> str:
    """Return a row's accuracy in percent with its interval, such as ``99.12 [98.90, 99.20]``."""
    return f"{percent(row.accuracy)} [{percent(row.low)}, {percent(row.high)}]"


def drop(row: Row) -> str:
    """Return a row's loss in points with its interval, such as ``0.27 [0.19, 0.49]``."""
    return f"{points(row.drop_points)} [{points(row.drop_low)}, {points(row.drop_high)}]"


def factor(value: float | None) -> str:
    """Return a factor, such as ``1.43``.

    >>> factor(1.4286), factor(None)
    ('1.43', '-')
    """
    return "-" if value is None else f"{value:.2f}"


def nulled(row: Row) -> str:
    """Return the mean count of nulled weights and their share, or ``-`` where the encoding never nulls."""
    if row.nulled_weights == 0 and "+" not in row.encoding:
        return "-"
    return f"{row.nulled_weights:,.0f} ({100 * row.nulled_weights / max(row.n_weights, 1):.2g} %)"


def row_name(row: Row) -> str:
    """Return how a sentence calls a row: ``nulling (reclaim)``, or ``ecc``."""
    return clean(row.scheme) + ("" if row.mode == row.scheme else f" ({clean(row.mode)})")


def way(row: Row) -> str:
    """Return what tells how a row is read: its mode, and where that has ECC in part, which part of which words."""
    part = row.scheme.partition("@")[0].removeprefix("ecc").removeprefix("/").removeprefix(":")
    return clean(f"{row.mode}, {part}" if row.ecc_in_part else row.mode)


def age(condition: Mapping[str, object]) -> str:
    """Return a device's age in words.

    >>> age({"name": "worn", "pe_cycles": 1000, "retention_days": 90, "temperature_c": 40})
    'worn: 1,000 P/E cycles, 90 days of retention, at 40 °C'
    """
    said = [quantity(key, value) for key, value in condition.items() if key != "name" and value is not None]
    name = clean(condition.get("name", "custom"))
    return f"{name}: {', '.join(said)}" if said else name


def quantity(key: str, value: object) -> str:
    """Return one quantity of an age in words.

    >>> quantity("pe_cycles", 3000)
    '3,000 P/E cycles'
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{clean(key)} {clean(value)}"
    if key == "rber":
        return f"RBER {rate(value)}"
    if key == "retention_days" and 0 < value < 1:
        return f"{_part_of_a_day(value)} of retention"
    return _AGE.get(key, f"{clean(key)} {{}}").format(f"{value:,g}" if value < 1e6 else _bare(number(value)))


def _part_of_a_day(days: float) -> str:
    hours = 24 * days
    return f"{hours:.3g} hours" if hours >= 1 else f"{60 * hours:.3g} minutes" if hours >= 1 / 60 else f"{days:g} days"


def _bare(text: str) -> str:
    """Write 1.000e+11 as 1e+11."""
    return re.sub(r"\.?0*e", "e", text)
