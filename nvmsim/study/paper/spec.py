"""A study of the paper as data: what is measured, and what the paper says about it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Quoted:
    """What the paper says of one curve, and where.

    ``accuracy`` pairs rates of the curve with mean accuracies (0 to 1). ``robustness`` is its R(0.95), the largest
    listed RBER that keeps 95 % of the accuracy, with the next listed one.
    """

    place: str
    accuracy: tuple[tuple[float, float], ...] = ()
    robustness: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One network stored in one way, with errors in all or some ``layers``, at each of the rates ``rber``.

    Every rate is measured on ``trials`` distorted models and the first ``images`` test images. Rates above 0 share the
    events of ``rung_rber``.
    """

    name: str
    model: str
    encoding: str
    range_scope: str
    layers: tuple[str, ...]
    rber: tuple[float, ...]
    rung_rber: float
    trials: int
    images: int
    seed: int
    paper: Quoted | None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of the paper about curves that a test decides; ``says`` quotes it, ``place`` says where it stands."""

    says: str
    place: str
    test: str
    curves: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Study:
    """What all kinds of studies have: which of the paper's tables and figures it ``answers``, and ``why`` we differ."""

    name: str
    order: int
    answers: str
    title: str
    why: str


@dataclass(frozen=True, kw_only=True)
class AccuracyStudy(Study):
    """Accuracy against RBER; ``float32`` is the accuracy of the paper's undistorted network, said at its place."""

    figures: tuple[str, ...]
    boxes: tuple[str, ...]
    float32: float | None
    float32_place: str
    claims: tuple[Claim, ...]
    curves: tuple[Curve, ...]


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """A row of Table VIII: R(0.95) without and with nulling by the paper, and the study whose curves answer it."""

    name: str
    study: str
    without: str
    nulling: str
    paper_without: float
    paper_nulling: float


@dataclass(frozen=True, kw_only=True)
class SummaryStudy(Study):
    """Robustness with and without nulling, drawn from other studies."""

    place: str
    rows: tuple[SummaryRow, ...]


@dataclass(frozen=True, kw_only=True)
class DistortionStudy(Study):
    """Section V: exact distortions by enumeration at ``bits`` and by closed forms at ``beyond``.

    ``encodings`` are also tried on the weights that the ``networks`` have.
    """

    place: str
    bits: tuple[int, ...]
    beyond: tuple[int, ...]
    networks: tuple[str, ...]
    encodings: tuple[str, ...]
