"""The main job: answer one question about one device, age and network."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nvmsim import defaults
from nvmsim.accuracy.collect import collect
from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.export import trial_blocks
from nvmsim.accuracy.store import Store
from nvmsim.device.doubts import code_doubts
from nvmsim.device.ecc import final_uber
from nvmsim.device.profile import Device, load_device
from nvmsim.errors import InputError
from nvmsim.study.assumed import assumptions_of
from nvmsim.study.model import open_model
from nvmsim.study.question import Effort, Question, ask, choose_condition
from nvmsim.study.rows import Case, cases_of, idle_placements, rows_of
from nvmsim.study.tradeoff import Result, Row, TrialRow
from nvmsim.study.versions import versions


def run(
    device: Device | str | Path,
    *,
    model: Any = defaults.MODEL,
    condition: str | None = None,
    pe_cycles: float | None = None,
    retention_days: float | None = None,
    reads: float | None = None,
    temperature: float | None = None,
    rber: float | None = None,
    schemes: Sequence[str] = defaults.SCHEMES,
    range_scope: str = defaults.RANGE_SCOPE,
    trials: int = defaults.TRIALS,
    precision: float = defaults.PRECISION,
    time_limit_s: float = defaults.TIME_LIMIT_S,
    target: str = Effort.target,
    seed: int = 0,
    device_seed: int = 0,
    reads_per_inference: int = 0,
    backend: str = "auto",
    workers: int | None = None,
    store: str | Path = defaults.RESULTS / "trials.sqlite",
    progress: bool = False,
) -> Result:
    """Store a network on a device and return throughput against accuracy, one row a scheme and mode.

    ``device`` is a `Device`, a profile's path or a bundled name; ``model`` a card's name or path, or a `Model` with
    your own ``torch.nn.Module``. The age is the named ``condition``, changed by ``pe_cycles``, ``retention_days``
    (days), ``reads`` (of each page) and ``temperature`` (degrees Celsius), or one ``rber`` for every bit. Sampling
    stops at ``trials`` distorted models a row, at a half-width of ``precision`` (a fraction), or after
    ``time_limit_s`` seconds; intervals are for "this test set" or for "the task" it was drawn from (``target``).
    ``device_seed`` says which device of its kind it is, where pages or blocks differ or cells are stuck. With
    ``reads_per_inference`` 1 weights are read again for each batch (a block of 500 images), so that a batch sees read
    errors of its own (``rber.per_read_fraction``) on the trial's stored ones; with 0 they are read once.
    Trials are kept in ``store`` and never measured twice. Raises InputError with every problem.
    """
    device = device if isinstance(device, Device) else load_device(device)
    age = {"pe_cycles": pe_cycles, "retention_days": retention_days, "reads_per_page": reads}
    question = ask(
        device,
        open_model(model),
        condition=choose_condition(device, condition, rber=rber, **age, temperature_c=temperature),
        rber=rber,
        schemes=tuple(schemes.split(",") if isinstance(schemes, str) else schemes),
        range_scope=range_scope,
        effort=Effort(trials=trials, precision=precision, time_limit_s=time_limit_s, target=target),
        seed=seed,
        device_seed=device_seed,
        reads_per_inference=reads_per_inference,
        backend=backend,
        workers=workers,
    )
    with Store(Path(store)) as opened:
        return answer(question, opened, progress=progress)[0]


def answer(question: Question, store: Store, *, progress: bool) -> tuple[Result, list[TrialRow]]:
    """Answer a question from ``store``, measuring what is missing; also return the counts it rests on."""
    started = time.monotonic()
    cases = cases_of(question)
    check_capacity(question, cases)
    estimates = collect(
        [case.task for case in cases],
        store=store,
        sources={question.model.name: question.model},
        trials=question.effort.trials,
        precision=question.effort.precision,
        time_limit_s=question.effort.time_limit_s,
        target=question.effort.target,
        workers=question.workers,
        backend=question.backend,
        progress=progress,
    )
    rows = rows_of(question, cases, estimates=estimates, store=store)
    accuracy = next(iter(estimates.values())).baseline_accuracy
    result = result_of(question, cases, rows=rows, float32_accuracy=accuracy, elapsed_s=time.monotonic() - started)
    return result, _trial_rows(cases, estimates, store)


def result_of(
    question: Question, cases: Sequence[Case], *, rows: tuple[Row, ...], float32_accuracy: float, elapsed_s: float = 0.0
) -> Result:
    """Return the rows with everything that a reader needs beside them."""
    return Result(
        device=question.device.name,
        condition=_age(question),
        model=question.model.name,
        n_weights=question.model.n_weights,
        range_scope=question.range_scope,
        float32_accuracy=float32_accuracy,
        chance=1 / question.model.classes,
        seed=question.seed,
        settings=_settings(question),
        rows=rows,
        assumptions=assumptions_of(question, rows),
        # all speed-ups compare with the device's ECC
        warnings=(*question.rates.warnings, *code_doubts(question.device), *idle_placements(cases)),
        versions=versions(),
        backend=question.backend,
        elapsed_s=elapsed_s,
        uber_target=question.device.ecc.uber_target,
        rber=question.rates.mean,
        model_pages=max(case.pages for case in cases),
        round_pages=question.device.geometry.dies * question.device.geometry.planes_per_die,
        ecc_uber=final_uber(question.device, question.rates),
    )


def check_capacity(question: Question, cases: Sequence[Case]) -> None:
    """Raise InputError unless the device has the pages that each case takes."""
    pages = question.device.geometry.pages
    problems = [
        f"{question.device.name}: has {pages} pages; {question.model.name} as {case.scheme.name} takes {case.pages}"
        for case in cases
        if case.pages > pages
    ]
    if problems:
        raise InputError(problems)


def _age(question: Question) -> dict[str, object]:
    if question.rber_given is not None:
        return {"name": "given", "rber": question.rber_given}
    age = question.condition
    return {
        "name": age.name,
        "pe_cycles": age.pe_cycles,
        "retention_days": age.retention_days,
        "temperature_c": age.temperature_c,
        "reads_per_page": age.reads_per_page,
    }


def _settings(question: Question) -> dict[str, object]:
    effort = question.effort
    use = {"device_seed": question.device_seed, "reads_per_inference": question.reads_per_inference}
    return {
        **{key: value for key, value in use.items() if value},
        "schemes": [scheme.name for scheme in question.schemes],
        "trials": effort.trials,
        "precision": effort.precision,
        "time_limit_s": effort.time_limit_s,
        "interval_target": effort.target,
        "workers": question.workers,
    }


def _trial_rows(cases: Sequence[Case], estimates: dict[str, Estimate], store: Store) -> list[TrialRow]:
    rows = []
    for case in cases:
        rows += [
            TrialRow(
                scheme=case.scheme.name,
                mode=case.mode,
                task_id=counted.task_id,
                trial=counted.trial,
                block=counted.block,
                images=counted.images,
                correct=counted.correct,
                flips=counted.raw_flips,
                residual=counted.residual_flips,
                nulled=counted.nulled,
            )
            for counted in trial_blocks(store, [estimates[case.task.id]])
        ]
    return rows
