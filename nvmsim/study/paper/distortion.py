"""Section V in exact numbers: the examples, the distortions by width, and the bound of Theorem 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from nvmsim.encoding.binary import Binary
from nvmsim.encoding.distortion import d_ave_k, d_max_k, d_max_k_of_word, flip_profile
from nvmsim.encoding.distortion_bounds import (
    d_ave_binary,
    d_ave_hamming,
    d_max_binary,
    d_max_gray,
    d_max_hamming,
    d_max_harper,
    d_max_theorem,
    stirling,
)
from nvmsim.encoding.gray import Gray
from nvmsim.encoding.hamming import Hamming, HammingDescending, words_by_weight
from nvmsim.study.paper.agreement import AGREE, DIFFER
from nvmsim.study.paper.moves import Move, move_of
from nvmsim.study.paper.sources import Networks
from nvmsim.study.paper.spec import DistortionStudy

EXAMPLE_2 = (0b000, 0b001, 0b010, 0b100, 0b011, 0b101, 0b110, 0b111)  # the list as the paper prints it
QUICK_BITS = 10


@dataclass(frozen=True)
class Statement:
    """Something the paper says of a distortion, what was computed, and whether they agree."""

    place: str
    says: str
    paper: str
    ours: str
    verdict: str


@dataclass(frozen=True)
class Width:
    """Distortions of one flip at one word width: exact, ``enumerated`` over all words or by closed forms."""

    bits: int
    enumerated: bool
    binary: Fraction
    gray: Fraction
    hamming: Fraction
    descending: Fraction
    harper: Fraction
    theorem: Fraction
    stirling: float
    binary_mean: Fraction
    hamming_mean: Fraction


@dataclass(frozen=True)
class DistortionOutcome:
    """Section V: the paper's statements, each decided, the distortions by width, and what networks' weights meet.

    ``missing`` says why a network has no moves.
    """

    study: DistortionStudy
    statements: tuple[Statement, ...]
    widths: tuple[Width, ...]
    moves: tuple[Move, ...]
    missing: tuple[str, ...]


def distortion_outcome(study: DistortionStudy, *, quick: bool = False) -> DistortionOutcome:
    """Compute all of a study; with ``quick`` only up to 10 bits by enumeration, and on the first network."""
    bits = [q for q in study.bits if q <= QUICK_BITS] if quick else list(study.bits)
    widths = [*map(_enumerated, bits), *map(_closed, study.beyond)]
    networks = Networks.named(study.networks[:1] if quick else study.networks)
    moves = [move_of(source, encoding) for source in networks.sources.values() for encoding in study.encodings]
    missing = tuple(f"{name}: {why}" for name, why in networks.missing.items())
    return DistortionOutcome(study, (*_examples(), *_theorem(widths, bits)), tuple(widths), tuple(moves), missing)


def _enumerated(bits: int) -> Width:
    return Width(
        bits=bits,
        enumerated=True,
        binary=d_max_k(Binary(bits)),
        gray=d_max_k(Gray(bits)),
        hamming=d_max_k(Hamming(bits)),
        descending=d_max_k(HammingDescending(bits)),
        harper=d_max_harper(bits),
        theorem=d_max_theorem(bits),
        stirling=stirling(bits),
        binary_mean=d_ave_k(Binary(bits)),
        hamming_mean=d_ave_k(Hamming(bits)),
    )


def _closed(bits: int) -> Width:
    return Width(
        bits=bits,
        enumerated=False,
        binary=d_max_binary(bits),
        gray=d_max_gray(bits),
        hamming=d_max_hamming(bits),
        descending=d_max_harper(bits),
        harper=d_max_harper(bits),
        theorem=d_max_theorem(bits),
        stirling=stirling(bits),
        binary_mean=d_ave_binary(bits),
        hamming_mean=d_ave_hamming(bits),
    )


def _exact(place: str, says: str, paper: Fraction, ours: Fraction) -> Statement:
    return Statement(place, says, str(paper), str(ours), AGREE if paper == ours else DIFFER)


def _examples() -> tuple[Statement, ...]:
    half = Fraction(1, 2)
    printed = tuple(words_by_weight(3).tolist())
    table = sorted(range(8), key=EXAMPLE_2.index)  # the index of each word
    step = Fraction(abs(table[0b001] - table[0b101]), 8)
    return (
        _exact("Example 1", "binary, q = 2: d_max,1(f, 00)", half, d_max_k_of_word(Binary(2), 0)),
        _exact("Example 1", "binary, q = 2: d_max,1(f)", half, d_max_k(Binary(2))),
        _exact("Example 1", "Gray, q = 2: d_max,1(f, 00)", Fraction(3, 4), d_max_k_of_word(Gray(2), 0)),
        Statement(
            "Example 2",
            "q = 3: the list 000, 001, 010, 100, 011, 101, 110, 111",
            "words by weight, ascending",
            ", ".join(format(word, "03b") for word in printed),
            AGREE if printed == EXAMPLE_2 else DIFFER,
        ),
        _exact("Example 2", "q = 3: 001 becomes 101", half, step),
        _exact("Example 2", "q = 3: d_max,1(f)", half, d_max_k(table)),
    )


def _theorem(widths: Sequence[Width], bits: Sequence[int]) -> tuple[Statement, ...]:
    last, first = widths[-1], widths[0]
    within = all(width.hamming <= width.theorem for width in widths)
    top, through = max(bits), [width for width in widths if width.enumerated]
    return (
        Statement(
            "Example 1",
            "binary: d_max,1(f) remains 1/2 as q increases",
            "1/2",
            f"1/2 at every q up to {top}" if (stays := all(w.binary == Fraction(1, 2) for w in through)) else "changes",
            AGREE if stays else DIFFER,
        ),
        Statement(
            "Example 1",
            "Gray: d_max,1(f) converges to 1 as q increases",
            "1",
            f"1 - 2^-q at every q up to {top}"
            if (tends := all(1 - w.gray == Fraction(1, 2**w.bits) for w in through))
            else "does not",
            AGREE if tends else DIFFER,
        ),
        Statement(
            "Theorem 1",
            "d_max,1(f) is at most 2 C(q, q/2) / 2^q",
            "at most the bound",
            f"at all {len(widths)} widths tried, from {first.bits} to {last.bits}" if within else "exceeds it",
            AGREE if within else DIFFER,
        ),
        Statement(
            "Theorem 1",
            "d_max,1(f) goes to 0 as q grows",
            "0",
            f"{float(widths[0].hamming):.4f} at q = {first.bits}, {float(last.hamming):.4f} at q = {last.bits}",
            AGREE if last.hamming < last.theorem < Fraction(1, 4) else DIFFER,
        ),
        _chain(top),
        _order(widths),
    )


def _chain(bits: int) -> Statement:
    """Check d_ave,k <= d_max,k <= k d_max,1 for up to 3 flips at one width."""
    code = Hamming(bits)
    one = flip_profile(code, 1).largest
    holds = all(d_ave_k(code, k) <= d_max_k(code, k) <= Fraction(k * one, 2**bits) for k in (1, 2, 3) if k <= bits)
    return Statement(
        "Theorem 1",
        "d_ave,k(f) <= d_max,k(f) <= k d_max,1(f)",
        "for any k",
        f"for k = 1, 2, 3 at q = {bits}" if holds else "does not hold",
        AGREE if holds else DIFFER,
    )


def _order(widths: Sequence[Width]) -> Statement:
    scaled = [float(width.hamming) * width.bits**0.5 for width in widths]
    return Statement(
        "Remark 3",
        "d_max,1(f) decreases in the order of 1 / sqrt(q)",
        "sqrt(q) d_max,1 bounded",
        f"sqrt(q) d_max,1 from {min(scaled):.3f} to {max(scaled):.3f}, its limit 1.197",
        AGREE if max(scaled) < 1.2 else DIFFER,
    )
