"""What a study found: one entry a setting (device, age, network, range scope), each with its rows and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nvmsim.study.tradeoff import Result, Row


@dataclass(frozen=True, kw_only=True)
class Best:
    """The fastest row whose drop is surely at most the wanted one (None: there is none), and the next faster.

    ``runner_up`` is the slowest row among those surely faster than ``row`` (the one that loses least among equally
    fast ones): the next cheaper protection, which would lose too much or may. ``open_rows`` are faster rows that may
    lose no more than wanted, and rows not measured yet: more trials would tell. Of the rows read without ECC, ``free``
    is the fastest that surely fits (it may be no faster than ``row``), ``free_open`` may yet fit, and ``free_tried``
    are asked for at all. Of those with ECC in part, ``part`` is the fastest that surely fits (it may be no faster), and
    ``part_open`` are among ``open_rows``.
    """

    row: Row | None
    runner_up: Row | None
    open_rows: int
    free: Row | None
    free_open: int
    free_tried: int
    part: Row | None = None
    part_open: int = 0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One device at one age with one network: a trade-off of its own.

    ``varied`` holds the values of the keys that vary within the study (such as ``{"device": "tlc", "pe_cycles": 500}``)
    in the order of its file. ``result`` has the rows measured so far (None: not even the network's own accuracy), and
    ``lacking`` names the rows (scheme, mode) that have too few trials to be shown.
    """

    grid: str
    varied: Mapping[str, object]
    result: Result | None
    best: Best | None
    lacking: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a study is: its tasks, those that are finished, those begun, and images put through disturbed networks.

    ``flat_images`` is what the same would take if every disturbed task had as many as the one of its setting that
    needed most; ``reasons`` counts the finished tasks by why they stopped.
    """

    tasks: int
    finished: int
    begun: int
    trials: int
    images: int
    flat_images: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class StudyOutcome:
    """Everything a study's report shows; drops are points (hundredths), accuracies fractions.

    ``max_drop_points`` is what the answers allow to be lost. ``axes`` are the keys that vary, each with its values in
    order. ``machines`` say what counted.
    """

    name: str
    title: str
    question: str
    max_drop_points: float
    axes: Mapping[str, tuple[object, ...]]
    settings: tuple[Setting, ...]
    progress: Progress
    versions: Mapping[str, str] = field(default_factory=dict)
    machines: tuple[Mapping[str, object], ...] = ()
    command: str = ""
    text: str = ""

    @property
    def measured(self) -> tuple[Setting, ...]:
        """The settings that have rows."""
        return tuple(setting for setting in self.settings if setting.result is not None and setting.result.rows)
