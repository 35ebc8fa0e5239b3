"""A study's file: read, checked as a whole, frozen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nvmsim.defaults import RESULTS
from nvmsim.device.check import shown
from nvmsim.device.load import device_names
from nvmsim.device.plain import parse, read_text
from nvmsim.device.variants import split_variant
from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.study.grid import keys
from nvmsim.study.grid.expand import MOST_TASKS, Exclusion, Grid, axes_of, combinations, points_of
from nvmsim.study.grid.spec import UNNAMED, Sampling, Study
from nvmsim.study.read import Reading
from nvmsim.suggest import or_near
from nvmsim.zoo.card import card_names

_GRIDS = ("grid", "grids")
_NAME = keys.CONDITION_NAME


def study_names() -> list[str]:
    """Return the names of the bundled studies.

    >>> "tradeoff" in study_names()
    True
    """
    return sorted(path.stem for path in bundled("configs").glob("*.yaml"))


def find_study(where: str | Path) -> Path:
    """Return the file of a study, given its path, its bundled name, or ``configs/NAME.yaml`` from any folder."""
    path, names = Path(where), study_names()
    if path.is_file():
        return path
    if str(where) in names or (path.parent == Path("configs") and path.suffix == ".yaml" and path.stem in names):
        return bundled("configs") / f"{path.stem}.yaml"
    raise InputError(f"study {str(where)!r}: no such file, and of the bundled ones {or_near(path.stem, names)}")


def load_study(where: str | Path) -> Study:
    """Read and check a study; raises InputError with everything that is wrong in its file.

    >>> load_study("quick").sampling.max_drop_points
    10.0
    """
    path = find_study(where)
    return read_study(read_text(path, str(path)), name=path.stem, label=str(path), folder=path.resolve().parent)


def read_study(text: str, *, name: str, label: str, folder: Path) -> Study:
    """Read a study from its text; ``label`` stands before problems, ``folder`` is where its own files lie."""
    data, problems = parse(text)
    study = (
        None
        if problems
        else _study(data, problems, {"name": name, "label": label, "text": text, "folder": str(folder)})
    )
    if problems:
        raise InputError([f"{label}: {problem}" for problem in dict.fromkeys(problems)])
    return study


def _study(data: Any, problems: list[str], about: Mapping[str, str]) -> Study | None:
    top = Reading.of("", data, problems, (*keys.TOP, "effort", *_GRIDS, "exclude"))
    found = top.take(keys.TOP)
    effort = Reading.of("effort.", top.data.get("effort", {}), problems, tuple(keys.EFFORT)).take(keys.EFFORT)
    grids = _grids(top.data, problems, Path(about["folder"]))
    if problems:
        return None
    every = [grid for grid, _ in grids]
    common = _exclusions("exclude", top.data.get("exclude"), every, problems, Path(about["folder"]))
    axes = axes_of(every)
    points = [point for grid, own in grids for point in points_of(grid, [*common, *own], axes)]
    for exclusion in (*common, *(one for _, own in grids for one in own)):
        if not exclusion.met and not any(problem.startswith(f"{exclusion.where}.") for problem in problems):
            problems.append(f"{exclusion.where}: leaves nothing out: no combination has these values")
    if not points and not problems:
        problems.append("exclude: leaves nothing of the study")
    return Study(**about, **found, sampling=Sampling(**effort), axes=axes, points=tuple(points))


def _grids(data: Mapping[str, Any], problems: list[str], folder: Path) -> list[tuple[Grid, list[Exclusion]]]:
    given = [key for key in _GRIDS if key in data]
    if len(given) != 1:
        problems.append(f"grid: {'stands beside grids: give one of them' if given else 'must be there, or grids'}")
        return []
    parts = {UNNAMED: data["grid"]} if given == ["grid"] else data["grids"]
    if not isinstance(parts, dict) or not parts:
        problems.append(f"grids: {shown(parts)}: must be a mapping from names to grids")
        return []
    found = []
    for name, part in parts.items():
        where = "grid." if given == ["grid"] else f"grids.{name[:60]}."
        found.append(_grid(where, name, part, problems, folder))
    return [one for one in found if one is not None]


def _grid(where: str, name: str, data: Any, problems: list[str], folder: Path) -> tuple[Grid, list[Exclusion]] | None:
    before = len(problems)
    dotted = {key: keys.DEVICE_KEY for key in data if "." in key} if isinstance(data, dict) else {}
    reading = Reading.of(where, data, problems, (*keys.GRID, *dotted, "exclude"))
    found = reading.take(keys.GRID | dotted)
    if len(problems) > before:
        return None
    problems += _age_problems(where, found)
    problems += [
        f"{where}{key}: stands in variant.{name} too: leave it out here, or there"
        for name, part in found["variant"].items()
        for key in part
        if key in dotted
    ]
    variants, order = found["variant"], [key for key in data if key != "exclude"]
    values = {key: tuple(found[key]) for key in (*order, *found) if found.get(key)}
    grid = Grid(name, _placed(values, folder), variants)
    if combinations(grid) > MOST_TASKS:
        problems.append(f"{where[:-1]}: {combinations(grid):,} combinations: must be at most {MOST_TASKS:,}")
    own = _exclusions(f"{where}exclude", reading.data.get("exclude"), [grid], problems, folder)
    return None if len(problems) > before else (grid, own)


def _age_problems(where: str, found: Mapping[str, Any]) -> list[str]:
    beside = [key for key in ("condition", *keys.CONDITION) if found.get(key)]
    if found.get("rber") and beside:
        return [f"{where}rber: stands in place of an age: leave out {', '.join(beside)}, or rber"]
    return []


def _placed(values: Mapping[str, tuple], folder: Path) -> dict[str, tuple]:
    names = {"device": device_names(), "model": card_names(trained=False)}
    return {
        key: tuple(_near_file(one, folder, names[key]) for one in found) if key in names else found
        for key, found in values.items()
    }


def _near_file(where: str, folder: Path, names: Sequence[str]) -> str:
    """Return a path as seen from the study's own folder, where there is such a file and no bundled name."""
    if Path(where).is_absolute():
        return where
    parts = (where, split_variant(where)[0])
    return str(folder / where) if any(part not in names and (folder / part).exists() for part in parts) else where


def _exclusions(where: str, data: Any, grids: Sequence[Grid], problems: list[str], folder: Path) -> list[Exclusion]:
    if data is None:
        return []
    if not isinstance(data, list) or not all(isinstance(one, dict) and one for one in data):
        problems.append(f"{where}: {shown(data)}: must be a list of mappings, such as - {{device: slc, scheme: fp16}}")
        return []
    return [_exclusion(f"{where}.{i}", one, grids, problems, folder) for i, one in enumerate(data, 1)]


def _exclusion(
    where: str, data: Mapping[str, Any], grids: Sequence[Grid], problems: list[str], folder: Path
) -> Exclusion:
    known = ["grid", *dict.fromkeys(key for grid in grids for key in grid.values)]
    problems += [f"{where}.{key[:60]}: {or_near(key, known)}" for key in data if key not in known]
    every = keys.GRID | dict.fromkeys(("grid", "variant"), keys.Key(keys.Values(_NAME)))
    table = {key: every.get(key, keys.DEVICE_KEY) for key in data if key in known}
    values = Reading(f"{where}.", data, problems).take(table)
    placed = _placed(values, folder)
    problems += [
        f"{where}.{key}: {shown(value)}: no grid has this value"
        for key, found in placed.items()
        for value in found
        if value not in _every(key, grids)
    ]
    return Exclusion(where, placed)


def _every(key: str, grids: Sequence[Grid]) -> set[Any]:
    return {grid.name for grid in grids} if key == "grid" else {v for grid in grids for v in grid.values.get(key, ())}


def results_folder(study: Study) -> Path:
    """Return where a study's report goes unless told otherwise."""
    return RESULTS / study.name
