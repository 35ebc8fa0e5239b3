"""What a user means by a scheme's name: an encoding, its protections, ECC on, off or in part, where bits are placed."""

from collections.abc import Sequence
from dataclasses import dataclass

from nvmsim.accuracy.ranges import Placed
from nvmsim.accuracy.unequal import Protected, unknown_layers
from nvmsim.device.placement import BIT_PLANE, LAYERS, LINEAR
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.study.chosen import chosen_text, layers_text, parse_chosen, parse_layers
from nvmsim.study.tradeoff import ECC
from nvmsim.suggest import or_near

MARK, PART_MARK = "@", "/"
_PLACEMENTS = (LINEAR, BIT_PLANE, f"{LAYERS}=...")
BARE_MODES = ("bypass", "reclaim")
_WHOLE = {"raw": "binary", "nulling": "binary+nulling", "nulling-extra": "binary+nulling-extra"}
_PART = {"nulling": "parity-nulling", "nulling-extra": "parity-nulling-extra"}


@dataclass(frozen=True)
class Scheme:
    """A named way to store weights: `encoding` is a spec for `make_encoding`, `ecc` says whether ECC is on.

    ``placement`` is "linear", words one after the other, or says what lies on the page type of the lowest RBER:
    "bit-plane", high bits, or "layers", the words of ``first_layers``. With ``protected``, ECC is on for that part
    alone; None: for all.
    """

    name: str
    encoding: str
    ecc: bool
    placement: str = LINEAR
    protected: Protected | None = None
    first_layers: tuple[str, ...] = ()

    @property
    def modes(self) -> tuple[str, ...]:
        """The ways to read it: ``ecc``, with ECC off ``bypass`` and ``reclaim``, with it in part ``ecc+bypass`` ..."""
        if not self.ecc:
            return BARE_MODES
        return (ECC,) if self.protected is None else tuple(f"{ECC}+{mode}" for mode in BARE_MODES)

    def layer_problems(self, tensors: Sequence[Placed]) -> list[str]:
        """Say which named layers a model with these stored tensors does not have, or if naming them chooses nothing."""
        with_ecc = self.protected.layers if self.protected else ()
        found = unknown_layers(tuple(dict.fromkeys((*with_ecc, *self.first_layers))), tensors)
        known = {tensor.module for tensor in tensors}
        if known <= set(with_ecc):
            found.append("all layers; leave them out, so that all has ECC")
        elif self.first_layers and not found:
            found += self._first_problems(known, known & set(with_ecc))
        return found

    def _first_problems(self, known: set[str], with_ecc: set[str]) -> list[str]:
        """Say if no file of a model with the ``known`` layers holds one that is to lie first beside one that is not."""
        first, said = set(self.first_layers), f"{MARK}{layers_text(self.first_layers)}"
        if any(file & first and file - first for file in (with_ecc, known - with_ecc)):
            return []
        if known <= first:
            return [f"{said}: all layers, so that none lies on better pages than another; name fewer, or leave it out"]
        why = "layers with ECC lie in a file of their own, and in neither file a layer is named beside one that is not"
        return [f"{said}: {why}, so that none lies on better pages than another; name others, or leave it out"]


def parse_scheme(name: str) -> Scheme:
    """Read a scheme's name: ``ecc``, ``ecc:ENCODING``, ``raw``, ``nulling``, or ``ENCODING[:BITS][+PROTECTION...]``.

    Those with ECC may have it in part: ``/bits=15-12+9`` or ``/layers=conv1+fc2`` behind them. Each may end in
    ``@bit-plane`` or ``@layers=conv1+fc2``. Raises InputError on an unknown encoding, protection or placement, or a
    part that is none.

    >>> parse_scheme("hamming+nulling").encoding
    'hamming:16+parity-nulling'
    >>> parse_scheme("ecc").encoding
    'binary:16'
    >>> parse_scheme("raw@bit-plane").placement
    'bit-plane'
    >>> parse_scheme("raw@layers=fc6+conv1").first_layers
    ('conv1', 'fc6')
    >>> parse_scheme("ecc:gray/bits=12-15").name
    'ecc:gray/bits=15-12'
    """
    body, mark, placement = name.partition(MARK)
    if PART_MARK in placement:
        raise InputError(f"{MARK}{placement[:60]}: must be last, behind what has ECC: ecc{PART_MARK}...{MARK}bit-plane")
    placement, first = parse_placement(placement) if mark else (LINEAR, ())
    body, slash, part = body.partition(PART_MARK)
    head, _, rest = body.partition(":") if body.startswith(f"{ECC}:") else (body, "", "")
    ecc = head == ECC
    if slash and not ecc:
        raise InputError(f"{PART_MARK}{part[:60]}: only schemes with ECC have it in part: ecc{PART_MARK}... or ecc:...")
    encoding = make_encoding(_spec((rest or "binary") if ecc else body))
    protected = parse_chosen(part, width=encoding.width) if slash else None
    full = f"{body}{PART_MARK}{chosen_text(protected)}" if protected else body
    where = {LINEAR: "", LAYERS: f"{MARK}{layers_text(first)}"}.get(placement, f"{MARK}{placement}")
    chosen = {"placement": placement, "protected": protected, "first_layers": first}
    return Scheme(name=f"{full}{where}", encoding=encoding.spec, ecc=ecc, **chosen)


def parse_placement(text: str) -> tuple[str, tuple[str, ...]]:
    """Return which placement a text names, and the layers that it lets lie first; raises InputError if it is none.

    >>> parse_placement("layers=fc6+conv1")
    ('layers', ('conv1', 'fc6'))
    """
    text = text.strip()
    if MARK in text:
        raise InputError(f"{MARK}{text[:60]}: bits lie at one placement alone; leave out all but one {MARK}...")
    kind = text.partition("=")[0].strip()
    if kind == LAYERS:
        return LAYERS, parse_layers(text)
    if text not in (LINEAR, BIT_PLANE):
        raise InputError(f"placement {text[:60]!r}: {or_near(kind, _PLACEMENTS)}")
    return text, ()


def _spec(body: str) -> str:
    """Return the specification for `make_encoding` of an encoding with its protections, as users name them."""
    first, *others = body.split("+")
    parts = "+".join([_WHOLE.get(first, first), *others]).split("+")
    return "+".join(_PART.get(part, part) for part in parts)


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


def parse_schemes(
    names: Sequence[str], *, network: str = "", tensors: Sequence[Placed] | None = None
) -> tuple[Scheme, ...]:
    """Read several names, in order and once each; raise InputError with every problem.

    Layers that are to have ECC, or to lie first, must be those of ``tensors``, the stored ones of a ``network``, where
    these are given.
    """
    schemes, problems = [], []
    for name in dict.fromkeys(part.strip() for part in names):
        try:
            schemes.append(parse_scheme(name))
            of_model = schemes[-1].layer_problems(tensors) if tensors is not None else []
            problems += [f"--schemes: {name[:60]!r}: {network}: {problem}" for problem in of_model]
        except InputError as error:
            problems += [f"--schemes: {name[:60]!r}: {problem}" for problem in error.problems]
    if not names or not all(part.strip() for part in names):
        problems.append("--schemes: must name at least one scheme, such as ecc,raw,nulling")
    if problems:
        raise InputError(problems)
    return tuple(dict.fromkeys(schemes))
