"""Studies from YAML: read, checked as a whole, frozen."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from nvmsim.defaults import BLOCK_IMAGES
from nvmsim.device.check import shown
from nvmsim.device.plain import parse_file
from nvmsim.device.schema import Wrong
from nvmsim.device.sections import Key
from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.study.paper import keys
from nvmsim.study.paper.spec import (
    AccuracyStudy,
    Claim,
    Curve,
    DistortionStudy,
    Quoted,
    Study,
    SummaryRow,
    SummaryStudy,
)
from nvmsim.study.read import CURVE, Reading
from nvmsim.suggest import or_near


def folder() -> Path:
    """Return the folder of the paper's studies."""
    return bundled("configs") / "paper"


def shipped_store() -> Path:
    """Return the results file with the trials of the paper's studies that comes with nvmsim."""
    return folder() / "trials.sqlite"


def study_names() -> tuple[str, ...]:
    """Return the names of the paper's studies, in the paper's order.

    >>> study_names()[0]
    'table-2'
    """
    return tuple(study.name for study in _all(folder()))


def load_studies(names: list[str] | tuple[str, ...] = ()) -> tuple[Study, ...]:
    """Return the studies of these names (none: all) in the paper's order; InputError names those that are unknown."""
    studies = _all(folder())
    known = [study.name for study in studies]
    if problems := [f"study {name!r}: {or_near(name, known)}" for name in names if name not in known]:
        raise InputError(problems)
    return tuple(study for study in studies if not names or study.name in names)


@cache
def _all(where: Path) -> tuple[Study, ...]:
    return tuple(sorted(map(load_study, where.glob("*.yaml")), key=lambda study: (study.order, study.name)))


def load_study(path: Path) -> Study:
    """Read one study; raises InputError with everything that is wrong in the file.

    >>> load_study(folder() / "table-2.yaml").curves[0].paper.accuracy[12]
    (0.012, 0.94875)
    """
    data = parse_file(path, str(path))
    problems: list[str] = []
    kind = data.get("kind") if isinstance(data, dict) else None
    read = _READERS.get(kind if isinstance(kind, str) else "", _unknown)
    study = read(path.stem, data, problems)
    if problems:
        raise InputError([f"{path}: {problem}" for problem in problems])
    return study


def _unknown(name: str, data: object, problems: list[str]) -> None:
    kind = data.get("kind") if isinstance(data, dict) else data
    what = "is missing" if kind is None else shown(kind)
    problems.append(f"kind: {what}: must be one of {', '.join(keys.KINDS)}")


def _accuracy(name: str, data: dict, problems: list[str]) -> AccuracyStudy | None:
    own = keys.COMMON | keys.ACCURACY_ONLY
    reading = Reading.of("", data, problems, (*own, *keys.SHARED, "paper", "claims", "curves"))
    found = dict(reading.take(own))
    shared = {key: kind for key, kind in keys.SHARED.items() if key in data}
    inherited = Reading("", data, problems).take(shared)
    own_keys = {key: kind for key, kind in keys.SHARED.items() if key not in shared or key in inherited}
    float32 = _part("paper.", data.get("paper"), keys.FLOAT32, problems) if "paper" in data else {}
    curves = _named(
        "curves",
        data.get("curves"),
        problems,
        lambda where, key, part: _curve(
            Reading.of(where, part, problems, (*keys.SHARED, "paper")), key, own_keys, inherited
        ),
    )
    claims = [_claim(i, part, tuple(curves), problems) for i, part in enumerate(_listed(data.get("claims"), problems))]
    problems += [f"boxes: {b!r}: {or_near(b, curves)}" for b in found.get("boxes", ()) if b not in curves]
    if problems:
        return None
    found["boxes"] = found["boxes"] or tuple(curves)
    return AccuracyStudy(
        name=name,
        **_without_kind(found),
        float32=float32.get("float32"),
        float32_place=float32.get("place", ""),
        claims=tuple(claims),
        curves=tuple(curves.values()),
    )


def _curve(reading: Reading, name: str, own: Mapping[str, Key], inherited: Mapping[str, Any]) -> Curve | None:
    found, problems = reading.take(own, inherited), reading.problems
    _check_curve(reading)
    quoted = None
    if reading.data.get("paper") is not None:
        said = _part(f"{reading.where}paper.", reading.data["paper"], keys.QUOTED, problems)
        problems += [
            f"{reading.where}paper.accuracy: {rate:g}: must be one of rber"
            for rate, _ in said.get("accuracy", ())
            if reading.has("rber") and rate not in found["rber"]
        ]
        quoted = None if problems else Quoted(**said)
    return None if problems else Curve(name=name, **found, paper=quoted)


def _check_curve(reading: Reading) -> None:
    found, where = reading.found, reading.where
    if reading.has("rber", "rung_rber") and max(found["rber"]) > found["rung_rber"]:
        reading.problems.append(f"{where}rung_rber: {found['rung_rber']:g}: must be at least the highest rber")
    if reading.has("images") and found["images"] % BLOCK_IMAGES:
        reading.problems.append(f"{where}images: {found['images']}: must be a multiple of {BLOCK_IMAGES}")


def _listed(data: object, problems: list[str]) -> list:
    if data is not None and not isinstance(data, list):
        problems.append(f"claims: {shown(data)}: must be a list of mappings with {', '.join(keys.CLAIM)}")
        return []
    return data or []


def _claim(i: int, data: object, curves: tuple[str, ...], problems: list[str]) -> Claim | None:
    where = f"claims.{i + 1}."
    found = _part(where, data, keys.CLAIM, problems)
    problems += [f"{where}curves: {c!r}: {or_near(c, curves)}" for c in found.get("curves", ()) if c not in curves]
    return None if problems else Claim(**found)


def _summary(name: str, data: dict, problems: list[str]) -> SummaryStudy | None:
    own = keys.COMMON | {"place": keys.FLOAT32["place"]}
    found = Reading.of("", data, problems, (*own, "rows")).take(own)
    rows = _named("rows", data.get("rows"), problems, lambda where, key, part: _row(where, key, part, problems))
    return None if problems else SummaryStudy(name=name, **_without_kind(found), rows=tuple(rows.values()))


def _row(where: str, name: str, data: object, problems: list[str]) -> SummaryRow | None:
    found = _part(where, data, keys.SUMMARY_ROW, problems)
    if problems:
        return None
    without, nulling = found.pop("paper")
    return SummaryRow(name=name, **found, paper_without=without, paper_nulling=nulling)


def _distortion(name: str, data: dict, problems: list[str]) -> DistortionStudy | None:
    own = keys.COMMON | keys.DISTORTION
    found = Reading.of("", data, problems, tuple(own)).take(own)
    return None if problems else DistortionStudy(name=name, **_without_kind(found))


def _part(where: str, data: object, table: Mapping, problems: list[str]) -> dict[str, Any]:
    return Reading.of(where, data, problems, tuple(table)).take(table)


def _named(where: str, data: object, problems: list[str], read: Callable[[str, str, Any], Any]) -> dict[str, Any]:
    if not isinstance(data, dict) or not data:
        problems.append(f"{where}: must be a mapping with at least one name")
        return {}
    for key in data:
        try:
            CURVE.read(key)
        except Wrong as error:
            problems.append(f"{where}.{shown(key)}: must be {error}")
    return {key: read(f"{where}.{key[:60]}.", key, part) for key, part in data.items()}


def _without_kind(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "kind"}


_READERS = {"accuracy": _accuracy, "summary": _summary, "distortion": _distortion}
