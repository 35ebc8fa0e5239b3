"""What ``nvmsim data`` prints and does."""

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nvmsim.errors import InputError
from nvmsim.text_table import aligned

if TYPE_CHECKING:
    from nvmsim.zoo.datasets import Dataset

NOT_HERE = "not here"


def data_command(options: Namespace) -> str:
    """Do ``nvmsim data ACTION [NAME ...]`` and return its report; raise InputError with everything that is wrong."""
    do = {"list": list_data, "fetch": fetch_data, "verify": verify_data}[options.action]
    return do(options.names, fmt=options.format)


def list_data(names: Sequence[str] = (), *, fmt: str = "table") -> str:
    """List the splits of the named data sets (default: all), their sizes, and where they are found; checks nothing."""
    found = [{"name": one.name, "split": split, "samples": one.count(split), "bytes": one.size_bytes(split),
              "where": one.where(split), "terms": one.terms}
             for one in _chosen(names) for split in one.splits]  # fmt: skip
    if fmt == "json":
        return _as_json(found)
    rows = [("name", "split", "samples", "MB", "found in", "terms"), *map(_list_row, found)]
    hint = "nvmsim data fetch NAME downloads one into the cache; NVMSIM_DATA=DIR names a folder of your own copies"
    return "\n".join([*aligned(rows), "", hint])


def fetch_data(names: Sequence[str] = (), *, fmt: str = "table") -> str:
    """Download the named data sets (default: all that can be) as far as they are not here, verified, into the cache."""
    found, problems = [], []
    for one in _chosen(names):
        if names or one.downloadable:
            _fetch(one, found, problems)
    if problems:
        raise InputError(problems)
    if fmt == "json":
        return _as_json(found)
    rows = [(line["name"], line["split"], "downloaded" if line["downloaded"] else "was here", path)
            for line in found for path in line["paths"]]  # fmt: skip
    return "\n".join(aligned([("name", "split", "", "path"), *rows]))


def _fetch(one: "Dataset", found: list[dict], problems: list[str]) -> None:
    """Add a line to ``found`` for each split that is here in the end, and to ``problems`` why another is not."""
    here = {split: bool(one.where(split)) for split in one.splits}
    for split in one.splits:
        try:
            paths = [str(path) for path in one.fetch(split)]
        except InputError as error:
            problems += [problem for problem in error.problems if problem not in problems]
        except KeyboardInterrupt:
            raise KeyboardInterrupt("fetching stopped; complete files are kept, and the same command "
                                    "fetches the rest") from None  # fmt: skip
        else:
            found.append({"name": one.name, "split": split, "downloaded": not here[split], "paths": paths})


def verify_data(names: Sequence[str] = (), *, fmt: str = "table") -> str:
    """Compare every copy that is here with its checksums; raise InputError naming each damaged one."""
    checked = [(one, split, one.check(split)) for one in _chosen(names) for split in one.splits]
    damaged = [problem for _, _, copies in checked for problems in copies.values() for problem in problems]
    if damaged:
        raise InputError(damaged)
    found = [{"name": one.name, "split": split, "sha256": one.sha256(split) if copies else None,
              "good": [*map(str, copies)]} for one, split, copies in checked]  # fmt: skip
    if fmt == "json":
        return _as_json(found)
    rows = [(line["name"], line["split"], "good" if line["good"] else NOT_HERE, path)
            for line in found for path in line["good"] or [""]]  # fmt: skip
    return "\n".join(aligned([("name", "split", "", "path"), *rows]))


def _chosen(names: Sequence[str]) -> list["Dataset"]:
    from nvmsim.zoo.datasets import DATASETS, dataset

    return [dataset(name) for name in dict.fromkeys(names or DATASETS)]


def _list_row(line: dict) -> tuple[str, ...]:
    samples = f"{line['samples']:,}" if line["samples"] else "-"
    megabytes = f"{line['bytes'] / 1e6:.1f}" if line["bytes"] else "-"
    return line["name"], line["split"], samples, megabytes, ", ".join(line["where"]) or NOT_HERE, line["terms"]


def _as_json(found: list[dict]) -> str:
    return json.dumps(found, indent=2)
