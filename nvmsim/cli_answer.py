"""What the commands that measure share: lists among their options, where they write, and how they print."""

import hashlib
import json
import re
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from nvmsim.defaults import RESULTS


def listed(text: str | None) -> list[str]:
    """Return the parts of an option that lists them with commas, none if it was not given.

    >>> listed("raw, nulling"), listed(None)
    (['raw', 'nulling'], [])
    """
    return [part.strip() for part in text.split(",")] if text is not None else []


def store_of(options: Namespace) -> Path:
    """Return where trials are kept: ``--store``, else in the folder ``--out``, else among all results."""
    return Path(options.store or (Path(options.out) if options.out else RESULTS) / "trials.sqlite")


def folder_of(options: Namespace, name: str, *, asked: object) -> Path:
    """Return the folder ``--out``, else one of its own for what was ``asked`` (plain data): none replaces another."""
    if options.out:
        return Path(options.out)
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:8]
    return RESULTS / (re.sub(r"[^\w.]+", "-", name) + f"-{digest}")


def printed(form: str, *, as_table: Callable[[int], str], as_csv: Callable[[], str], as_json: Callable[[], str]) -> str:
    """Return the answer as ``--format`` wants it; ``as_table`` is given the terminal's width."""
    if form == "table":
        return as_table(shutil.get_terminal_size((150, 24)).columns)
    return as_json() if form == "json" else as_csv()
