"""Encodings by text: ``NAME[:BITS][+PROTECTION...]``, for example ``binary:16`` or ``fp16+range-check``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nvmsim import plugins
from nvmsim.encoding.base import Encoding, Protection
from nvmsim.errors import InputError

DEFAULT_BITS = 16
MAX_WIDTH = 32


def make_encoding(spec: str) -> Encoding:
    """Return the encoding that ``spec`` names, its protections applied from left to right.

    BITS is the number of bits that the encoding and the protections within them share: ``binary:16`` and
    ``binary:16+parity-nulling`` (15+1) both store 16 bits a weight, ``binary:16+parity-nulling-extra`` 17.
    Without BITS it is the encoding's default, 16 for the built-in ones. Encodings and protections registered
    by other packages are known here too. Raises InputError that lists all problems of the text.

    >>> make_encoding("hamming+parity-nulling")
    ParityNulling(inner=Hamming(bits=15))
    >>> str(make_encoding("hamming+parity-nulling"))
    'hamming:16+parity-nulling'
    >>> make_encoding("fp32:64+parity")
    Traceback (most recent call last):
    ...
    nvmsim.errors.InputError: encoding 'fp32': unknown; known are ...
    """
    head, *protections = (part.strip() for part in spec.split("+"))
    name, colon, bits = (part.strip() for part in head.partition(":"))
    problems: list[str] = []
    base = _lookup("encoding", name, problems)
    wrappers = [_lookup("protection", protection, problems) for protection in protections]
    problems += _bits_problems(spec, bits) if colon else []
    problems += [f"encoding {spec!r}: {p!r} twice" for p in sorted(set(protections)) if protections.count(p) > 1]
    if problems:
        raise InputError(problems)
    try:
        encoding = _build(base, wrappers, int(bits) if colon else getattr(base, "bits", DEFAULT_BITS))
    except InputError as error:
        raise InputError([f"encoding {spec!r}: {problem}" for problem in error.problems]) from None
    return _checked(encoding, (name, *protections), spec)


def _lookup(kind: str, name: str, problems: list[str]) -> Any:
    try:
        return plugins.lookup(kind, name)
    except InputError as error:
        problems.extend(error.problems)
        return None


def _bits_problems(spec: str, bits: str) -> list[str]:
    if bits.isascii() and bits.isdigit() and 1 <= int(bits[:9]) <= MAX_WIDTH and len(bits) < 9:
        return []
    return [f"encoding {spec!r}: bits {bits!r}: must be a whole number from 1 to {MAX_WIDTH}"]


def _build(base: Callable[[int], Encoding], wrappers: list[Callable[..., Encoding]], bits: int) -> Encoding:
    make = base
    for wrapper in wrappers:
        make = partial(_wrap, wrapper, make)
    return make(bits)


def _wrap(wrapper: Callable[..., Encoding], inner: Callable[[int], Encoding], bits: int) -> Encoding:
    """Apply a protection: a class wraps an encoding of all the bits, a factory may leave fewer to the encoding."""
    if isinstance(wrapper, type) and issubclass(wrapper, Protection):
        return wrapper(inner(bits))
    return wrapper(inner, bits)


def _checked(encoding: Encoding, names: tuple[str, ...], spec: str) -> Encoding:
    if encoding.names != names:
        raise InputError(f"encoding {spec!r}: registered as {names}, but `name` in the classes says {encoding.names}")
    if not 1 <= encoding.width <= MAX_WIDTH:
        raise InputError(f"encoding {spec!r}: words of {encoding.width} bits: must be 1 to {MAX_WIDTH}")
    return encoding
