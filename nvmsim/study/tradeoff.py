"""What a run answers: one row a (scheme, mode), joined from accuracy and timing, and which rows are worth having."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

# Two modes that one host link limits differ in the ninth digit, as their times are rounded to femtoseconds.
_ROUNDING = 1e-6
ECC = "ecc"  # the mode in which all is read with ECC
_EQUAL_POINTS = 1e-9  # no loss at all is within a loss of 0, however its mean was rounded

Difference = Callable[["Row", "Row"], tuple[float, float]]


def has_ecc(mode: str) -> bool:
    """Tell whether all that a mode reads has ECC, or a part.

    >>> [has_ecc(mode) for mode in ("ecc", "ecc+bypass", "bypass")]
    [True, True, False]
    """
    return mode.split("+")[0] == ECC


def ecc_in_part(mode: str) -> bool:
    """Tell whether only a part of what a mode reads has ECC.

    >>> [ecc_in_part(mode) for mode in ("ecc", "ecc+bypass", "bypass")]
    [False, True, False]
    """
    return has_ecc(mode) and mode != ECC


@dataclass(frozen=True, kw_only=True)
class Causes:
    """Factors whose product is a row's speed-up over ``ecc`` (1.0: this cause changes nothing).

    ``bytes``: fewer bytes cross the bus for a weight; ``decoder``: no decoder in the way; ``retries``: no reads
    repeated; ``host``: what the host link takes back (below 1) or leaves alone.
    """

    bytes: float = 1.0
    decoder: float = 1.0
    retries: float = 1.0
    host: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One scheme read in one mode.

    Accuracies are fractions, drops are points (hundredths) below float32; ``low`` and ``high`` bound 95 % intervals.
    ``images`` are those one trial evaluates at most. Rows of one ``paired_with`` group have equal bit addresses, so
    that a trial hits the same bits in each. ``speedup`` and ``causes`` compare with mode ``ecc`` of the same device,
    whether that has a row or not; None where it was not timed. ``uber`` is that of what is read with ECC, None without.
    ``rber_in`` and ``rber_residual`` were counted in these trials. ``load_us`` loads this model once, ``loads_per_s``
    one time after another; ``bandwidth_gb_s`` and ``speedup`` are the long run's, to within the relative
    ``bandwidth_error``. ``bottleneck_assumed``: an assumed number decides it.
    """

    scheme: str
    mode: str
    encoding: str
    rber_in: float
    rber_residual: float
    accuracy: float
    low: float
    high: float
    drop_points: float
    drop_low: float
    drop_high: float
    nulled_weights: float
    n_weights: int
    bandwidth_gb_s: float
    loads_per_s: float
    load_us: float
    speedup: float | None
    causes: Causes | None
    bottleneck: str
    utilisation: Mapping[str, float]
    storage_bytes_per_weight: float
    uber: float | None = None
    fails_uber: bool = False
    pareto: str = "undecided"
    trials: int
    images: int
    stop_reason: str
    task_id: str
    trial_accuracies: tuple[float, ...] = ()
    page_read_us: Mapping[str, float] = field(default_factory=dict)
    paired_with: str = ""
    bottleneck_assumed: bool = False
    bandwidth_error: float = 0.0

    @property
    def has_ecc(self) -> bool:
        """Whether all of it is read with ECC, or a part."""
        return has_ecc(self.mode)

    @property
    def ecc_in_part(self) -> bool:
        """Whether only a part of it is read with ECC."""
        return ecc_in_part(self.mode)


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One block of images of one trial, as ``trials.csv`` lists it; flips, residual and nulled are the trial's."""

    scheme: str
    mode: str
    task_id: str
    trial: int
    block: int
    images: int
    correct: int
    flips: int
    residual: int
    nulled: int


@dataclass(frozen=True, kw_only=True)
class Result:
    """Everything a run found and needs to be repeated.

    ``condition`` is the device's age (``name`` and quantities with their units in their names); ``assumptions`` are
    (key, value, source) of the assumed numbers that decide the result; ``command`` repeats the run.
    ``rber`` is the device's mean at this age. ``model_pages`` is what the model takes at most, ``round_pages`` what all
    planes of the device read at once.
    ``ecc_uber`` is that of the device's ECC at this age, after the last retry.
    """

    device: str
    condition: Mapping[str, object]
    model: str
    n_weights: int
    range_scope: str
    float32_accuracy: float
    chance: float
    seed: int
    settings: Mapping[str, object]
    rows: tuple[Row, ...]
    assumptions: tuple[tuple[str, object, str], ...] = ()
    warnings: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    backend: str = "cpu"
    elapsed_s: float = 0.0
    command: str = ""
    rber: float = float("nan")
    model_pages: int = 0
    round_pages: int = 0
    uber_target: float | None = None
    ecc_uber: float | None = None

    @property
    def ecc_fails(self) -> bool:
        """Whether the ECC that speed-ups are measured against misses its UBER target, shown as a row or not."""
        return None not in (self.ecc_uber, self.uber_target) and self.ecc_uber > self.uber_target


def unpaired_difference(a: Row, b: Row) -> tuple[float, float]:
    """Return the conservative interval of accuracy(a) - accuracy(b), in fractions, for rows that share no bit errors.

    It holds whenever both rows' intervals hold, whatever their correlation (interval arithmetic).
    """
    return a.low - b.high, a.high - b.low


def mark_pareto(rows: Sequence[Row], difference: Difference) -> tuple[Row, ...]:
    """Return the rows marked ``yes`` (surely on the Pareto front), ``no`` (surely dominated) or ``undecided``.

    Row a dominates b if it is no slower and no less accurate, and better in one of them. Bandwidth is exact;
    ``difference(a, b)`` bounds accuracy(a) - accuracy(b): paired where the rows are, else `unpaired_difference`.
    """
    return tuple(replace(row, pareto=_verdict(row, rows, difference)) for row in rows)


def _verdict(row: Row, rows: Sequence[Row], difference: Difference) -> str:
    rivals = [a for a in rows if a is not row and as_fast(a, row)]
    bounds = [(not as_fast(row, a), difference(a, row)) for a in rivals]
    if any(dominates(faster, low) for faster, (low, _) in bounds):
        return "no"
    return "undecided" if any(dominates(faster, high) for faster, (_, high) in bounds) else "yes"


def as_fast(a: Row, b: Row) -> bool:
    """Tell whether row a is as fast as row b, or faster, for all that rounding and random retries let know."""
    unknown = _ROUNDING + a.bandwidth_error + b.bandwidth_error
    return a.bandwidth_gb_s >= b.bandwidth_gb_s * (1 - unknown)


def dominates(faster: bool, gain: float) -> bool:
    """Tell whether a row at least as fast dominates, if its accuracy is ``gain`` higher."""
    return gain > 0 or (faster and gain == 0)


def surely_fits(row: Row, max_drop_points: float) -> bool:
    """Tell whether a row surely (95 %) loses at most so many points, and is no ECC that misses its UBER target."""
    return row.drop_high <= max_drop_points + _EQUAL_POINTS and not row.fails_uber


def may_fit(row: Row, max_drop_points: float) -> bool:
    """Tell whether more trials may show that a row fits, or that it does not."""
    within = row.drop_low <= max_drop_points < row.drop_high - _EQUAL_POINTS
    return within and not row.fails_uber


def fastest_within(rows: Sequence[Row], *, max_drop_points: float) -> Row | None:
    """Return the fastest row whose drop is surely (95 %) at most ``max_drop_points``, the safest of equally fast ones.

    An ``ecc`` row that misses its UBER target is no candidate. None if no row qualifies.
    """
    fit = [row for row in rows if surely_fits(row, max_drop_points)]
    fastest = [row for row in fit if all(as_fast(row, other) for other in fit)]
    return min(fastest, key=lambda row: row.drop_high, default=None)
