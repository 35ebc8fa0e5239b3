"""Join what was measured with what was timed: one row a scheme and mode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nvmsim.accuracy.allocation import REASONS
from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.part import Part, parts_of
from nvmsim.accuracy.ranges import SCOPES
from nvmsim.accuracy.stats import paired_difference
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.task import Task
from nvmsim.accuracy.unequal import Unequal
from nvmsim.device.ecc import final_uber
from nvmsim.device.layout import placed_layout
from nvmsim.device.placement import EQUALLY_RELIABLE, LINEAR
from nvmsim.encoding.base import Encoding
from nvmsim.encoding.spec import make_encoding
from nvmsim.inject.sampler import rung_for
from nvmsim.study.assumed import age_of
from nvmsim.study.chosen import chosen_text
from nvmsim.study.question import Question
from nvmsim.study.scheme import Scheme
from nvmsim.study.timings import ModeTiming, mode_timing, read_in_turn, used_by
from nvmsim.study.tradeoff import Causes, Difference, Row, mark_pareto, unpaired_difference
from nvmsim.timing.causes import weights_gb_s
from nvmsim.timing.decisive import bottleneck_assumed
from nvmsim.timing.in_turn import FileRead

Series = tuple[str, str]  # a scheme's name and a mode


@dataclass(frozen=True)
class Case:
    """One row to be: a scheme read in a mode, its encoding and task, and the parts that this stores."""

    scheme: Scheme
    mode: str
    encoding: Encoding
    task: Task
    parts: tuple[Part, ...]

    @property
    def series(self) -> Series:
        """What tells it from the other cases of its question."""
        return self.scheme.name, self.mode

    @property
    def stored_bits(self) -> int:
        """Bits that it stores, of all parts."""
        return sum(part.n_bits for part in self.parts)

    @property
    def pages(self) -> int:
        """Pages that it takes, of all parts."""
        return sum(part.pages for part in self.parts)


def cases_of(question: Question) -> tuple[Case, ...]:
    """Return the cases of a question, in the order of its schemes."""
    return tuple(_case(question, scheme, mode) for scheme in question.schemes for mode in scheme.modes)


def _case(question: Question, scheme: Scheme, mode: str) -> Case:
    first, *bare = (
        placed_layout(question.device, one, scheme.placement, question.rates.by_page_type) for one in mode.split("+")
    )
    task = Task(
        model=question.model.name,
        weights_sha256=question.model.weights_sha256,
        data_sha256=question.model.data_sha256,
        encoding=scheme.encoding,
        range_scope=question.range_scope,
        rates=question.rates.by_page_type,
        rung_rber=rung_for(question.rates.worst),
        layout=first,
        ecc=question.device.ecc if scheme.ecc else None,
        seed=question.seed,
        order_seed=question.seed,
        network=getattr(question.model, "network", ""),
        page_sigma=question.rates.page_sigma,
        blocks=question.rates.blocks,
        device_seed=question.device_seed,
        stuck=question.rates.stuck,
        retry_rates=question.rates.retries if scheme.ecc else (),
        per_read_fraction=question.rates.per_read_fraction if question.reads_per_inference else 0.0,
        unequal=Unequal(scheme.protected, *bare) if scheme.protected else None,
        first_layers=scheme.first_layers,
    )
    encoding = make_encoding(scheme.encoding)
    return Case(scheme, mode, encoding, task, parts_of(task, question.model.tensors, width=encoding.width))


def rows_of(
    question: Question, cases: Sequence[Case], *, estimates: Mapping[str, Estimate], store: Store
) -> tuple[Row, ...]:
    """Return one row a case, Pareto-optimal ones marked by paired intervals where the bit addresses are equal."""
    rows = unmarked_rows(question, cases, estimates=estimates, store=store, speeds={})
    return mark_pareto(rows, difference_of(rows, estimates))


def unmarked_rows(
    question: Question,
    cases: Sequence[Case],
    *,
    estimates: Mapping[str, Estimate],
    store: Store,
    speeds: dict[Series, ModeTiming],
) -> list[Row]:
    """Return one row a case, none judged; ``speeds`` keeps the timings from call to call.

    Not by task: where nothing flips, all modes that store the weights alike are one.
    """
    for case in cases:
        if case.series not in speeds:
            speeds[case.series] = _speed(question, case, store)
    return [_row(question, case, estimates[case.task.id], speeds[case.series]) for case in cases]


def difference_of(rows: Sequence[Row], estimates: Mapping[str, Estimate]) -> Difference:
    """Return what bounds the difference of two of the rows' accuracies: paired where they see the same flips.

    Rows of one task have one accuracy, which more trials tell no better apart.
    """
    samples = {row.task_id: estimates[row.task_id].sample for row in rows}

    def difference(a: Row, b: Row) -> tuple[float, float]:
        if a.task_id == b.task_id:
            return 0.0, 0.0
        if a.paired_with != b.paired_with:
            return unpaired_difference(a, b)
        found = paired_difference(samples[a.task_id], samples[b.task_id])
        return found.low, found.high

    return difference


def _speed(question: Question, case: Case, store: Store) -> ModeTiming:
    return read_in_turn([_file_read(question, part, store) for part in case.parts])


def _file_read(question: Question, part: Part, store: Store) -> FileRead:
    device, rates, layout = question.device, question.rates, part.layout
    width, all_weights = len(part.bits), question.model.n_weights
    if part.n_weights < all_weights:
        width *= part.n_weights / all_weights
    how = {"mode": layout.mode, "width": width, "model_bytes": -(-part.n_bits // 8)}
    found = mode_timing(store, device, rates, **how)
    timing = found.timing
    if layout.plane_order:
        of_file = mode_timing(store, *used_by(layout, part.pages, device=device, rates=rates), **how)
        timing = replace(timing, load_us=of_file.timing.load_us)
    return FileRead(timing, found.causes, width, layout.usable_bits)


def _row(question: Question, case: Case, estimate: Estimate, speed: ModeTiming) -> Row:
    n_weights = question.model.n_weights
    bandwidth_gb_s = weights_gb_s(speed.timing.read_bandwidth_mb_s, case.encoding.width)
    drop = estimate.drop
    return Row(
        scheme=case.scheme.name,
        mode=case.mode,
        encoding=case.scheme.encoding,
        rber_in=estimate.raw_rber,
        rber_residual=estimate.residual_rber,
        accuracy=estimate.mean,
        low=estimate.low,
        high=estimate.high,
        drop_points=100 * drop.mean,
        drop_low=100 * drop.low,
        drop_high=100 * drop.high,
        nulled_weights=estimate.nulled_weights,
        n_weights=n_weights,
        bandwidth_gb_s=bandwidth_gb_s,
        storage_bytes_per_weight=_storage_bytes(case, question, n_weights),
        trials=estimate.trials,
        images=estimate.images,
        stop_reason=REASONS[estimate.reason],
        task_id=case.task.id,
        trial_accuracies=tuple(min(max(value, 0.0), 1.0) for value in estimate.accuracies),
        paired_with=_addresses(case),
        **_timed(question, case, speed),
        **_uber(question, case),
    )


def _timed(question: Question, case: Case, speed: ModeTiming) -> dict[str, object]:
    timing, causes = speed.timing, speed.causes
    rests_on = {"corrected": question.rates if case.scheme.ecc else None, "age": age_of(question)}
    return {
        "load_us": timing.load_us,
        "loads_per_s": 1e6 / timing.load_us,
        "bandwidth_error": timing.relative_error,
        "speedup": causes.speedup,
        "causes": Causes(bytes=causes.bytes, decoder=causes.decoder, retries=causes.retries, host=causes.host),
        "bottleneck": timing.bottleneck,
        "bottleneck_assumed": bottleneck_assumed(question.device, timing.bottleneck, **rests_on),
        "utilisation": timing.utilisation,
        "page_read_us": timing.page_read_us,
    }


def _uber(question: Question, case: Case) -> dict[str, object]:
    if not case.scheme.ecc:
        return {}
    uber = final_uber(question.device, question.rates)
    return {"uber": uber, "fails_uber": uber > question.device.ecc.uber_target}


def _storage_bytes(case: Case, question: Question, n_weights: int) -> float:
    """Bytes of the medium a weight takes: its share of physical pages, and of the ranges kept beside them."""
    bytes_of_pages = sum(part.n_bits / 8 * part.layout.page_bits / part.layout.usable_bits for part in case.parts)
    ranges = {SCOPES[question.range_scope](tensor) for tensor in question.model.tensors}
    side = case.encoding.range_bytes * len(ranges) / n_weights
    return bytes_of_pages / n_weights + side


def _addresses(case: Case) -> str:
    """Name the bit addresses of a case: rows with equal ones see the same flips in the same trial."""
    chosen = f", {chosen_text(case.scheme.protected)}" if len(case.parts) > 1 else ""
    return "; ".join(part.addresses for part in case.parts) + chosen


def idle_placements(cases: Sequence[Case]) -> tuple[str, ...]:
    """Say which schemes place words by page type where no type is more reliable than another."""
    asked = [case for case in cases if case.scheme.placement != LINEAR]
    idle = dict.fromkeys(case.scheme.name for case in asked if not case.task.layout.plane_order)
    return tuple(f"{name}: {EQUALLY_RELIABLE}" for name in idle)
