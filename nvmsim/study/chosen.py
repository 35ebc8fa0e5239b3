"""The part of a scheme's name that says what has ECC: ``bits=15-12+9`` or ``layers=conv1+fc2``."""

import re
from itertools import pairwise

from nvmsim.accuracy.unequal import Protected
from nvmsim.errors import InputError

BITS, LAYERS = "bits", "layers"
_FORM = f"{BITS}=... such as {BITS}=15-12+9, or {LAYERS}=... such as {LAYERS}=conv1+fc2"
_RANGE = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")
_JOIN = "+"


def parse_chosen(text: str, *, width: int) -> Protected:
    """Read what has ECC in words of ``width`` bits; raises InputError with all that is wrong, or if it is all.

    >>> parse_chosen("bits=15-13+9", width=16).bits
    (15, 14, 13, 9)
    >>> parse_chosen("layers=conv1+fc2", width=16).layers
    ('conv1', 'fc2')
    """
    kind, _, listed = text.partition("=")
    names = _names(listed)
    if kind.strip() not in (BITS, LAYERS) or not all(names):
        raise InputError(f"{text[:60]!r}: must be {_FORM}")
    if kind.strip() == LAYERS:
        return Protected(layers=tuple(sorted(names)))
    found = Protected(bits=_bits(names))
    if problems := found.bit_problems(width):
        raise InputError(problems)
    if len(found.bits) == width:
        raise InputError(f"{chosen_text(found)}: all {width} bits of a word; leave it out, so that all has ECC")
    return found


def chosen_text(protected: Protected) -> str:
    """Return the text that `parse_chosen` reads, the same for the same choice.

    >>> chosen_text(Protected(bits=(9, 15, 13, 14)))
    'bits=15-13+9'
    """
    if protected.layers:
        return layers_text(protected.layers)
    bits = sorted(protected.bits, reverse=True)
    ends = [i for i, (bit, below) in enumerate(pairwise([*bits, -2])) if bit - below != 1]
    starts = [0, *(end + 1 for end in ends[:-1])]
    return f"{BITS}={_JOIN.join(_range(bits[a], bits[b]) for a, b in zip(starts, ends, strict=True))}"


def parse_layers(text: str) -> tuple[str, ...]:
    """Read ``layers=conv1+fc2``: the names in alphabetical order, once each; raises InputError if it is anything else.

    >>> parse_layers("layers=fc2+conv1+fc2")
    ('conv1', 'fc2')
    """
    kind, _, listed = text.partition("=")
    names = _names(listed)
    if kind.strip() != LAYERS or not all(names):
        raise InputError(f"{text[:60]!r}: must be {LAYERS}=... such as {LAYERS}=conv1+fc2")
    return tuple(sorted(names))


def layers_text(layers: tuple[str, ...]) -> str:
    """Return the text that `parse_layers` reads."""
    return f"{LAYERS}={_JOIN.join(layers)}"


def _names(listed: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in listed.split(_JOIN)))


def _range(high: int, low: int) -> str:
    return str(high) if high == low else f"{high}-{low}"


def _bits(parts: tuple[str, ...]) -> tuple[int, ...]:
    """Return the bits of ranges, the highest first, once each."""
    matches = {part: _RANGE.fullmatch(part) for part in parts}
    if wrong := [part for part, match in matches.items() if match is None]:
        raise InputError(
            [f"{BITS}: {part[:20]!r}: must be a bit such as 15, or a range such as 15-12" for part in wrong]
        )
    ends = [sorted((int(match[1]), int(match[2] or match[1]))) for match in matches.values()]
    return tuple(sorted({bit for low, high in ends for bit in range(low, high + 1)}, reverse=True))
