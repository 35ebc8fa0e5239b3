"""The questions of a study: each setting with its device, age, rates and network, checked."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nvmsim.device.load import load_device
from nvmsim.device.profile import Device
from nvmsim.errors import InputError
from nvmsim.study.grid.spec import UNNAMED, Point, Study
from nvmsim.study.question import Effort, Question, ask, choose_condition, workers_problems
from nvmsim.study.rows import Case, cases_of
from nvmsim.study.run import check_capacity
from nvmsim.zoo.card import load_card

if TYPE_CHECKING:
    from nvmsim.zoo.card import Card
    from nvmsim.zoo.model import Model

_OPTION = re.compile(r"^--(set: )?|(?<= with )--set ")  # a study's file has keys where nvmsim run has options


@dataclass(frozen=True, eq=False)
class Asked:
    """A setting of a study with the question it asks and the question's cases."""

    point: Point
    question: Question
    cases: tuple[Case, ...]


@dataclass
class _Known:
    """What several settings share, loaded once; networks of the caller's own by name."""

    models: "dict[str, Card | Model]"
    devices: dict[tuple[str, tuple[str, ...]], Device] = field(default_factory=dict)

    def device(self, point: Point) -> Device:
        key = point.device, tuple(f"{name}={_yaml(value)}" for name, value in point.settings)
        if key not in self.devices:
            self.devices[key] = load_device(*key)
        return self.devices[key]

    def model(self, point: Point) -> "Card | Model":
        if point.model not in self.models:
            self.models[point.model] = load_card(point.model)
        return self.models[point.model]


def questions_of(
    study: Study,
    *,
    models: "Mapping[str, Card | Model] | None" = None,
    backend: str = "auto",
    workers: int | None = None,
) -> tuple[Asked, ...]:
    """Return the questions of a study, in its order; raises InputError with everything that is wrong with them.

    ``models`` are networks of your own by the name that the file uses; others are cards.
    """
    if found := workers_problems(workers):
        raise InputError(found)
    known, asked, problems = _Known(dict(models or {})), [], []
    for point in study.points:
        try:
            asked.append(_asked(study, point, known, {"backend": backend, "workers": workers}))
        except InputError as error:
            where = f"{study.label}: {UNNAMED if point.grid == UNNAMED else f'grids.{point.grid}'}"
            problems += [f"{where}: {_OPTION.sub('', problem)}" for problem in error.problems]
    problems += _name_problems(known.models)
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return tuple(asked)


def _asked(study: Study, point: Point, known: _Known, how: Mapping[str, Any]) -> Asked:
    problems: list[str] = []
    device, model = _tried("device", known.device, point, problems), _tried("model", known.model, point, problems)
    if problems:
        raise InputError(problems)
    age, rber = dict(point.age), point.age.get("rber")
    question = ask(
        device,
        model,
        condition=choose_condition(device, age.pop("condition", None), **age),
        rber=rber,
        schemes=point.schemes,
        range_scope=point.range_scope,
        effort=_effort(study),
        seed=study.seed,
        **point.use,
        **how,
    )
    cases = cases_of(question)
    check_capacity(question, cases)
    return Asked(point, question, cases)


def _effort(study: Study) -> Effort:
    sampling = study.sampling
    return Effort(
        trials=sampling.trials, precision=sampling.precision, target=sampling.target, time_limit_s=float("inf")
    )


def _tried(key: str, load: Any, point: Point, problems: list[str]) -> Any:
    try:
        return load(point)
    except InputError as error:
        problems += [one if one.startswith("--set") else f"{key}: {one}" for one in error.problems]
        return None


def _name_problems(models: "Mapping[str, Card | Model]") -> list[str]:
    by_name: dict[str, list[str]] = {}
    for where, model in models.items():
        by_name.setdefault(model.name, []).append(where)
    return [
        f"model: {' and '.join(wheres)}: both are named {name}; give one another name on its card"
        for name, wheres in by_name.items()
        if len({models[where].weights_sha256 for where in wheres}) > 1
    ]


def _yaml(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
