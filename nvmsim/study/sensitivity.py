"""Which layers and which bit positions hurt: errors in one bit position of one layer at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nvmsim import defaults
from nvmsim.accuracy.allocation import Plan
from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.collect import collect, measure
from nvmsim.accuracy.estimate import Estimate, estimate_of, sample_of
from nvmsim.accuracy.stats import paired_difference
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.task import Task
from nvmsim.encoding.base import Encoding
from nvmsim.encoding.spec import make_encoding
from nvmsim.errors import InputError
from nvmsim.study.model import open_model
from nvmsim.study.question import Effort, common_problems
from nvmsim.study.scheme import Scheme, parse_scheme, unplaced_problems
from nvmsim.study.versions import versions
from nvmsim.suggest import or_near

Place = tuple[str | None, int | None]  # a layer and a bit position; None stands for all


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What errors in one ``bit`` position (None: all) of one ``layer`` (None: all) do.

    ``drop_points`` below float32, with its 95 % interval; on average ``flips`` of the ``exposed_bits`` in a trial.
    """

    layer: str | None
    bit: int | None
    role: str
    drop_points: float
    drop_low: float
    drop_high: float
    flips: float
    exposed_bits: int
    trials: int
    images: int
    task_id: str


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The drops of every layer x bit position, of whole layers, of whole bit positions, and of the whole network.

    ``layers`` (in the network's order, with their ``layer_weights``) and ``bits`` (the most significant first, with
    their ``bit_roles``) are those asked for; a cell whose layer or bit is None is about all of them, asked for or not.
    ``worst_is_sure`` says whether the interval of the difference between the two worst cells excludes 0.
    """

    model: str
    n_weights: int
    scheme: str
    encoding: str
    range_scope: str
    rber: float
    float32_accuracy: float
    chance: float
    seed: int
    trials: int
    images: int
    layers: tuple[str, ...]
    layer_weights: tuple[int, ...]
    bits: tuple[int, ...]
    bit_roles: tuple[str, ...]
    cells: tuple[Cell, ...]
    worst_is_sure: bool
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""

    def cell(self, layer: str | None, bit: int | None) -> Cell:
        """Return the cell of a layer (None: all) and a bit position (None: all)."""
        return next(cell for cell in self.cells if (cell.layer, cell.bit) == (layer, bit))

    @property
    def ranked(self) -> tuple[Cell, ...]:
        """The cells of one layer and one bit position, the worst first."""
        return _ranked(self.cells)


def _ranked(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    inner = [cell for cell in cells if cell.layer is not None and cell.bit is not None]
    return tuple(sorted(inner, key=lambda cell: -cell.drop_points))


@dataclass(frozen=True)
class _Asked:
    """A checked question."""

    model: Any
    scheme: Scheme
    encoding: Encoding
    layers: tuple[str, ...]
    bits: tuple[int, ...]

    def places(self) -> Iterator[Place]:
        """Yield every place layer by layer, so that the activations before a layer are kept as long as they serve."""
        for layer in self.layers:
            yield from ((layer, bit) for bit in (None, *self.bits))
        yield from ((None, bit) for bit in (*self.bits, None))

    def weights_of(self, layer: str) -> int:
        return sum(tensor.size for tensor in self.model.tensors if tensor.module == layer)


def sensitivity(
    model: Any = defaults.MODEL,
    *,
    rber: float = defaults.SENSITIVITY_RBER,
    scheme: str = defaults.SENSITIVITY_SCHEME,
    range_scope: str = defaults.RANGE_SCOPE,
    layers: Sequence[str] = (),
    bits: Sequence[int] = (),
    trials: int = defaults.SENSITIVITY_TRIALS,
    images: int = defaults.SENSITIVITY_IMAGES,
    seed: int = 0,
    backend: str = "auto",
    workers: int | None = None,
    store: str | Path = defaults.RESULTS / "trials.sqlite",
    progress: bool = False,
) -> Sensitivity:
    """Return what errors at ``rber`` in one bit position of one layer cost, for all of them or those named.

    ``model`` is a card's name or path, a `Card` or a `Model`; ``layers`` are names of modules, ``bits`` positions in
    the word of ``scheme`` (0 the least significant). Every cell has ``trials`` distorted models on the first
    ``images`` of the test set's permutation, rounded up to blocks of 500. All cells share one set of events: a trial's
    flips in a whole layer are those of its bit positions together. Trials are kept in ``store`` and never measured
    twice. Raises InputError with every problem, Interrupted on Ctrl-C.
    """
    model = open_model(model)
    asked = _ask(model, scheme, layers, bits, rber=rber, trials=trials, images=images, range_scope=range_scope,
                 seed=seed, workers=workers)  # fmt: skip
    tasks = {place: _task(asked, place, rber=rber, range_scope=range_scope, seed=seed) for place in asked.places()}
    how = {"sources": {model.name: model}, "workers": workers, "backend": backend, "progress": progress}
    with Store(Path(store)) as opened:
        estimates = _measured(tasks, opened, trials=trials, images=images, **how)
    return _result(asked, estimates, rber=rber, range_scope=range_scope, seed=seed)


def _result(
    asked: _Asked, estimates: Mapping[Place, Estimate], *, rber: float, range_scope: str, seed: int
) -> Sensitivity:
    model, first = asked.model, next(iter(estimates.values()))
    cells = tuple(_cell(place, estimate, asked.encoding) for place, estimate in estimates.items())
    return Sensitivity(
        model=model.name,
        n_weights=model.n_weights,
        scheme=asked.scheme.name,
        encoding=asked.scheme.encoding,
        range_scope=range_scope,
        rber=rber,
        float32_accuracy=first.baseline_accuracy,
        chance=1 / model.classes,
        seed=seed,
        trials=first.trials,
        images=first.images,
        layers=asked.layers,
        layer_weights=tuple(map(asked.weights_of, asked.layers)),
        bits=asked.bits,
        bit_roles=tuple(asked.encoding.bit_roles[bit] for bit in asked.bits),
        cells=cells,
        worst_is_sure=_worst_is_sure(cells, estimates),
        versions=versions(),
    )


def _ask(
    model: Any, scheme: str, layers: Sequence[str], bits: Sequence[int], *, rber: float, trials: int, images: int,
    range_scope: str, seed: int, workers: int | None,
) -> _Asked:  # fmt: skip
    problems = Effort(trials=trials).problems() + common_problems(range_scope=range_scope, seed=seed, workers=workers)
    problems += [] if 0 < rber <= 0.5 else [f"--rber: {rber:g}: must be above 0 and at most 0.5"]
    problems += [] if images >= 1 else [f"--images: {images}: must be at least 1"]
    known = tuple(dict.fromkeys(tensor.module for tensor in model.tensors))
    problems += [f"--layers: {name!r}: {or_near(name, known)}" for name in layers if name not in known]
    parsed = encoding = None
    try:
        parsed = parse_scheme(scheme)
        encoding = make_encoding(parsed.encoding)
        problems += _bits_problems(encoding, bits)
        problems += [f"--scheme: {scheme!r}: errors are not corrected here; leave out ecc"] if parsed.ecc else []
        problems += unplaced_problems([parsed], "--scheme")
    except InputError as error:
        problems += [f"--scheme: {problem}" for problem in error.problems]
    if problems:
        raise InputError(problems)
    chosen_layers = tuple(name for name in known if not layers or name in layers)
    chosen_bits = tuple(bit for bit in reversed(range(encoding.width)) if not bits or bit in bits)
    return _Asked(model, parsed, encoding, chosen_layers, chosen_bits)


def _bits_problems(encoding: Encoding, bits: Sequence[int]) -> list[str]:
    width = encoding.width
    return [
        f"--bits: {bit}: words of {encoding} have bits 0 (the least significant) to {width - 1}"
        for bit in bits
        if not 0 <= bit < width
    ]


def _task(asked: _Asked, place: Place, *, rber: float, range_scope: str, seed: int) -> Task:
    layer, bit = place
    return bsc_task(
        asked.model,
        asked.scheme.encoding,
        rber=rber,
        range_scope=range_scope,
        layers=() if layer is None else (layer,),
        bits=() if bit is None else (bit,),
        seed=seed,
    )


def _measured(
    tasks: Mapping[Place, Task], store: Store, *, trials: int, images: int, **how: Any
) -> dict[Place, Estimate]:
    """Return every place's estimate from ``store``, measuring what it lacks: float32 on every image, then the rest."""
    float32 = next(iter(tasks.values())).baseline
    every_block = collect([float32], store=store, **how)[float32.id].sample.blocks
    plan = Plan(trials, min(-(-images // defaults.BLOCK_IMAGES), every_block))
    measure([(task, plan) for task in tasks.values()], store=store, **how)
    baseline = store.rows(float32.id)
    rows = {place: store.rows(task.id) for place, task in tasks.items()}
    return {
        place: estimate_of(found, sample_of(found, baseline, plan=plan), reason="trials")
        for place, found in rows.items()
    }


def _cell(place: Place, estimate: Estimate, encoding: Encoding) -> Cell:
    layer, bit = place
    drop, counts = estimate.drop, estimate.counts
    return Cell(
        layer=layer,
        bit=bit,
        role="" if bit is None else encoding.bit_roles[bit],
        drop_points=100 * drop.mean,
        drop_low=100 * drop.low,
        drop_high=100 * drop.high,
        flips=sum(count.residual_flips for count in counts) / len(counts),
        exposed_bits=counts[0].data_bits,
        trials=estimate.trials,
        images=estimate.images,
        task_id=estimate.task_id,
    )


def _worst_is_sure(cells: Sequence[Cell], estimates: Mapping[Place, Estimate]) -> bool:
    worst = [estimates[cell.layer, cell.bit].sample for cell in _ranked(cells)[:2]]
    return len(worst) < 2 or paired_difference(worst[1], worst[0]).low > 0
