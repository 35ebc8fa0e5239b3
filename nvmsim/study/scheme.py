"""What a user means by a scheme's name: an encoding, its protections, ECC on or off, and where bits are placed."""

from collections.abc import Sequence
from dataclasses import dataclass

from nvmsim.device.placement import LINEAR, PLACEMENTS
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.suggest import or_near

MARK = "@"
_WHOLE = {"raw": "binary", "nulling": "binary+nulling", "nulling-extra": "binary+nulling-extra"}
_PART = {"nulling": "parity-nulling", "nulling-extra": "parity-nulling-extra"}


@dataclass(frozen=True)
class Scheme:
    """A named way to store weights: `encoding` is a spec for `make_encoding`, `ecc` says whether ECC is on.

    ``placement`` is "linear", words one after the other, or "bit-plane", high bits on the page type of the lowest RBER.
    """

    name: str
    encoding: str
    ecc: bool
    placement: str = LINEAR

    @property
    def modes(self) -> tuple[str, ...]:
        """The ways to read it: ``ecc``, or with ECC off ``bypass`` and ``reclaim``."""
        return ("ecc",) if self.ecc else ("bypass", "reclaim")


def parse_scheme(name: str) -> Scheme:
    """Read a scheme's name: ``ecc``, ``ecc:ENCODING``, ``raw``, ``nulling``, or ``ENCODING[:BITS][+PROTECTION...]``.

    Each may end in ``@bit-plane``. Raises InputError on an unknown encoding, protection or placement.

    >>> parse_scheme("hamming+nulling")
    Scheme(name='hamming+nulling', encoding='hamming:16+parity-nulling', ecc=False, placement='linear')
    >>> parse_scheme("ecc").encoding
    'binary:16'
    >>> parse_scheme("raw@bit-plane").placement
    'bit-plane'
    """
    name, mark, placement = name.partition(MARK)
    if mark and placement not in PLACEMENTS:
        raise InputError(f"placement {placement[:60]!r}: {or_near(placement, PLACEMENTS)}")
    head, _, rest = name.partition(":") if name.startswith("ecc:") else (name, "", "")
    ecc = head == "ecc"
    body = (rest or "binary") if ecc else name
    first, *others = body.split("+")
    parts = "+".join([_WHOLE.get(first, first), *others]).split("+")
    spec = "+".join(_PART.get(part, part) for part in parts)
    placed = placement if mark else LINEAR
    full = name if placed == LINEAR else f"{name}{MARK}{placed}"
    return Scheme(name=full, encoding=make_encoding(spec).spec, ecc=ecc, placement=placed)


def placed(names: Sequence[str], placements: Sequence[str]) -> list[str]:
    """Return the names of schemes at every placement, placement after placement.

    >>> placed(["ecc", "raw"], ["linear", "bit-plane"])
    ['ecc@linear', 'raw@linear', 'ecc@bit-plane', 'raw@bit-plane']
    """
    return [f"{name.strip()}{MARK}{placement.strip()}" for placement in placements for name in names]


def unplaced_problems(schemes: Sequence[Scheme], option: str) -> list[str]:
    """Say which schemes place bits by page type, for studies whose medium has no page types."""
    wrong = [scheme.name for scheme in schemes if scheme.placement != LINEAR]
    return [f"{option}: {name!r}: this medium has no page types to choose; leave out {MARK}..." for name in wrong]


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
    return tuple(dict.fromkeys(schemes))
