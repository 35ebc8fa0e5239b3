"""The folder of a report: written whole or not at all, and left alone where nothing changed."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from nvmsim.errors import InputError
from nvmsim.report.csv_text import csv_text
from nvmsim.report.table import plain, render_json
from nvmsim.study.tradeoff import Result, TrialRow

_HERE = Path(__file__).parent
_FIGURES = ("throughput-accuracy", "accuracy-trials", "page-read")


def write_report(result: Result, folder: str | Path, trials: Sequence[TrialRow] = ()) -> Path:
    """Write results.json, trials.csv, report.html and the figures as SVG and PNG; return report.html.

    A folder that already holds the report of an equal result (time taken aside) is left as it is. Raises InputError
    naming the file that cannot be written; what was there before then stays.
    """
    folder = Path(folder)
    listed = csv_text([field.name for field in fields(TrialRow)], map(asdict, trials))
    stamp = _stamp(result, listed)
    if not _is_current(folder, stamp, with_figures=bool(result.rows)):
        _replace(folder, _contents(result, listed, stamp))
    return folder / "report.html"


def _contents(result: Result, listed: str, stamp: str) -> dict[str, bytes]:
    # matplotlib takes most of a second to import: a second call must not wait for it.
    from nvmsim.report.figures import draw_figures
    from nvmsim.report.html import render_html

    drawings = draw_figures(result)
    drawn = {f"{d.name}.{ending}": data for d in drawings for ending, data in (("svg", d.svg.encode()), ("png", d.png))}
    page = render_html(result, drawings, stamp=stamp)
    # results.json says that all is there, so that it goes last.
    return drawn | {
        "trials.csv": listed.encode(),
        "report.html": page.encode(),
        "results.json": render_json(result).encode(),
    }


def _stamp(result: Result, listed: str) -> str:
    """Return a digest of what a report shows and of the code that shows it."""
    shown = plain(result)
    del shown["elapsed_s"]
    digest = hashlib.sha256(json.dumps(shown).encode() + listed.encode())
    for source in sorted(_HERE.glob("*.*")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _is_current(folder: Path, stamp: str, *, with_figures: bool) -> bool:
    names = ["results.json", "trials.csv", *(f"{n}.{e}" for n in _FIGURES for e in ("svg", "png") if with_figures)]
    try:
        page = (folder / "report.html").read_text(encoding="utf-8")
        whole = f'content="nvmsim {stamp}"' in page and page.endswith("</html>\n")
        return whole and all((folder / name).stat().st_size for name in names)
    except (OSError, UnicodeDecodeError):
        return False


def _replace(folder: Path, contents: Mapping[str, bytes]) -> None:
    staging = _staging(folder)
    try:
        for name, data in contents.items():
            with _named(folder / name):
                _write(staging / name, data)
        # Without results.json a folder that a kill left half renamed is seen as unfinished.
        with _named(folder / "results.json"):
            (folder / "results.json").unlink(missing_ok=True)
        for name in contents:
            with _named(folder / name):
                os.replace(staging / name, folder / name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _staging(folder: Path) -> Path:
    with _named(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


class _named:
    """Turn a failure of the file system into an InputError that names the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise InputError(f"{self.path}: cannot be written: {error.strerror or error}") from error
