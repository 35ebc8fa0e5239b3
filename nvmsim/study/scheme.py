"""What a user means by a scheme's name: an encoding, its protections, and ECC on or off."""

from collections.abc import Sequence
from dataclasses import dataclass

from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError

_WHOLE = {"raw": "binary", "nulling": "binary+nulling", "nulling-extra": "binary+nulling-extra"}
_PART = {"nulling": "parity-nulling", "nulling-extra": "parity-nulling-extra"}


@dataclass(frozen=True)
class Scheme:
    """A named way to store weights: `encoding` is a spec for `make_encoding`, `ecc` says whether ECC is on."""

    name: str
    encoding: str
    ecc: bool

    @property
    def modes(self) -> tuple[str, ...]:
        """The ways to read it: ``ecc``, or with ECC off ``bypass`` and ``reclaim``."""
        return ("ecc",) if self.ecc else ("bypass", "reclaim")


def parse_scheme(name: str) -> Scheme:
    """Read a scheme's name: ``ecc``, ``ecc:ENCODING``, ``raw``, ``nulling``, or ``ENCODING[:BITS][+PROTECTION...]``.

    Raises InputError on an unknown encoding or protection.

    >>> parse_scheme("hamming+nulling")
    Scheme(name='hamming+nulling', encoding='hamming:16+parity-nulling', ecc=False)
    >>> parse_scheme("ecc").encoding
    'binary:16'
    """
    head, _, rest = name.partition(":") if name.startswith("ecc:") else (name, "", "")
    ecc = head == "ecc"
    body = (rest or "binary") if ecc else name
    first, *others = body.split("+")
    parts = "+".join([_WHOLE.get(first, first), *others]).split("+")
    spec = "+".join(_PART.get(part, part) for part in parts)
    return Scheme(name=name, encoding=make_encoding(spec).spec, ecc=ecc)


def parse_schemes(names: Sequence[str]) -> tuple[Scheme, ...]:
    """Read several names, in order and once each; raise InputError with every problem."""
    schemes, problems = [], []
    for name in dict.fromkeys(part.strip() for part in names):
        try:
            schemes.append(parse_scheme(name))
        except InputError as error:
            problems += [f"--schemes: {name!r}: {problem}" for problem in error.problems]
    if not names or not all(part.strip() for part in names):
        problems.append("--schemes: must name at least one scheme, such as ecc,raw,nulling")
    if problems:
        raise InputError(problems)
    return tuple(schemes)
