"""``nvmsim study`` and the commands that look at what it stored: status, report, best, export, merge."""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from nvmsim.accuracy.executor import available_cores
from nvmsim.accuracy.lock import holding
from nvmsim.accuracy.store import Merged, Store
from nvmsim.accuracy.store_file import check_sources, writable
from nvmsim.cli_answer import printed
from nvmsim.defaults import RESULTS
from nvmsim.errors import InputError
from nvmsim.report.study.export import FORMATS
from nvmsim.report.study.files import write_study_report
from nvmsim.report.study.status import render_forecast, render_status
from nvmsim.report.study.table import (
    render_best_csv,
    render_best_json,
    render_best_table,
    render_study_csv,
    render_study_json,
    render_study_table,
)
from nvmsim.study.grid.export import columns_of, counts_of
from nvmsim.study.grid.forecast import forecasts
from nvmsim.study.grid.load import results_folder
from nvmsim.study.grid.open import open_study, replaced, stored_names, unlike_bundled, with_max_drop
from nvmsim.study.grid.outcome import StudyOutcome
from nvmsim.study.grid.outcomes import study_outcome
from nvmsim.study.grid.questions import Asked, questions_of
from nvmsim.study.grid.run import NOTE, run_study, stored
from nvmsim.study.grid.spec import Study
from nvmsim.zoo.checkpoint import write_whole


class Opened(NamedTuple):
    """A study that was found, with its questions and the store that holds its trials."""

    study: Study
    asked: tuple[Asked, ...]
    store: Store


def study_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim study``: run it, write its report, and return what stdout gets."""
    _check(options)
    if options.dry_run:
        return _forecast(options)
    with Store(_store(options)) as store:
        study = open_study(options.study, store)
        asked = questions_of(study, backend=options.backend, workers=options.workers)
        for said in filter(None, (replaced(study, store), unlike_bundled(options.study, study))):
            print(f"nvmsim: {said}", file=sys.stderr)
        with holding(store.path):
            run_study(
                study,
                asked,
                store,
                time_limit_s=options.time_limit,
                scheduler=options.scheduler,
                progress=True,
            )
        return _shown(options, Opened(study, asked, store))


def _forecast(options: argparse.Namespace) -> str:
    """Look into the store, if there is one, and make none."""
    path = _store(options)
    with ExitStack() as stack:
        none = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "none.sqlite"
        store = stack.enter_context(_look_into(path) if path.is_file() else Store(none))
        study = open_study(options.study, store)
        if said := unlike_bundled(options.study, study):
            print(f"nvmsim: {said}", file=sys.stderr)
        asked = questions_of(study, backend=options.backend, workers=options.workers)
        return render_forecast(study, forecasts(asked, study.sampling, store), workers=asked[0].question.workers)


def _check(options: argparse.Namespace) -> None:
    if options.time_limit is not None and not options.time_limit > 0:
        raise InputError(f"--time-limit: {options.time_limit:g}: must be above 0 seconds")


def report_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim report``: write the report of what is stored, and return what stdout gets."""
    with _opened(options) as opened:
        return _shown(options, opened)


def _shown(options: argparse.Namespace, opened: Opened) -> str:
    outcome = _outcome(opened, options)
    folder = Path(options.out) if options.out else results_folder(opened.study)
    if folder.is_file():
        raise InputError(f"--out: {folder}: is a file; name a folder")
    page = write_study_report(outcome, folder, workers=getattr(options, "workers", None) or available_cores())
    return printed(
        options.format,
        as_table=lambda width: render_study_table(outcome, width, report=str(page)),
        as_csv=lambda: render_study_csv(outcome),
        as_json=lambda: render_study_json(outcome),
    )


def best_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim best``: the fastest scheme of every setting that surely loses no more than allowed."""
    with _opened(options) as opened:
        outcome = _outcome(opened, options, max_drop=options.max_drop)
    return printed(
        options.format,
        as_table=lambda width: render_best_table(outcome, width),
        as_csv=lambda: render_best_csv(outcome),
        as_json=lambda: render_best_json(outcome),
    )


def status_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim status``: what is done, what is left, and why each task stopped."""
    if options.study is None:
        with _look_into(_existing(options)) as store:
            names = stored_names(store)
        if len(names) > 1 and options.format == "table":
            return "\n".join(names)
    with _opened(options) as (study, asked, store):
        estimates = stored(study, asked, store)
        return render_status(study, asked, estimates, stored_images=store.images(), fmt=options.format)


def export_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim export``: write every count of a study to ``--out``, or to stdout as CSV."""
    if options.format == "parquet" and not options.out:
        raise InputError("--format parquet: is no text: name a file with --out")
    with _opened(options) as (study, asked, store):
        rows = counts_of(asked, store, estimates=stored(study, asked, store))
        content = FORMATS[options.format](columns_of(study.axes), rows)
    if not options.out:
        return content.decode()
    write_whole(Path(options.out), content)
    return f"wrote {options.out}"


def merge_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim merge``: take what other stores hold into the first one."""
    into, others = Path(options.into), [Path(other) for other in options.stores]
    check_sources(into, others)
    for other in others:
        Store(other, read_only=True).close()
    with Store(into) as store:
        return "\n".join(line for other in others for line in _merged_lines(other, store.merge(other)))


def _merged_lines(other: Path, found: Merged) -> list[str]:
    differing = f", {found.differing:,} of them other" * bool(found.differing)
    studies = [key.removeprefix(NOTE) for key in found.kept if key.startswith(NOTE)]
    return [
        f"{other}: {found.new:,} new blocks of images; {found.known:,} were there already{differing}",
        *(f"{other}: its study {name} has another text; the first one stays" for name in studies),
    ]


@contextmanager
def _opened(options: argparse.Namespace) -> Iterator[Opened]:
    with _look_into(_existing(options)) as store:
        study = open_study(options.study, store)
        if said := unlike_bundled(options.study, study):
            print(f"nvmsim: {said}", file=sys.stderr)
        yield Opened(study, questions_of(study), store)


def _look_into(path: Path) -> Store:
    return Store(path, read_only=not writable(path))


def _store(options: argparse.Namespace) -> Path:
    return Path(options.store or RESULTS / "trials.sqlite")


def _existing(options: argparse.Namespace) -> Path:
    path = _store(options)
    if not path.is_file():
        what = "is a folder, not a" if path.is_dir() else "no such"
        raise InputError(f"{path}: {what} results file; nvmsim study FILE makes one")
    return path


def _outcome(opened: Opened, options: argparse.Namespace, *, max_drop: float | None = None) -> StudyOutcome:
    study, asked, store = opened
    estimates = stored(study, asked, store)
    found = study_outcome(with_max_drop(study, max_drop), asked, store, estimates=estimates)
    return replace(found, command=shlex.join(["nvmsim", *options.typed]))
