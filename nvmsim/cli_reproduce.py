"""``nvmsim reproduce``: the paper's tables and figures, beside what was measured."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from secrets import randbits

from nvmsim.accuracy.executor import available_cores
from nvmsim.accuracy.store import Store
from nvmsim.defaults import RESULTS
from nvmsim.errors import InputError
from nvmsim.report.paper.text import render_json, render_text
from nvmsim.study.paper.check import Check, check_cells, draw_cells, expected_s
from nvmsim.study.paper.load import load_studies, shipped_store
from nvmsim.study.paper.measure import expected_full, measure_studies, points_here
from nvmsim.study.paper.outcome import Rows
from nvmsim.study.paper.reproduce import networks_of, reproduce, with_sources
from nvmsim.study.paper.sources import Networks
from nvmsim.study.paper.spec import Study

SAMPLE, SAMPLE_S = 60, 180.0
QUICK_SAMPLE, QUICK_SAMPLE_S = 16, 40.0
START_S = 10  # assumption: starting workers and loading networks takes about so long


def reproduce_command(options: argparse.Namespace) -> tuple[str, int]:
    """Answer ``nvmsim reproduce``: return what stdout gets, and the exit code: 1 if the store's sample was not met."""
    _check_options(options)
    studies = load_studies(options.names)
    networks = networks_of(studies)
    if folder := _folder(options):
        from nvmsim.report.paper.files import check_free, write_paper

        check_free(folder, [study.name for study in studies])  # before what may take hours
    _say(f"{len(studies)} studies: {', '.join(study.name for study in studies)}")
    with _store(options) as store:
        if options.full:
            _measure(studies, store, networks, options)
        check = _check(studies, store, networks, options)
        found = reproduce(studies, store, networks, quick=options.quick)
        if folder:
            _say(f"wrote {write_paper(found, folder)}")
    for problem in check.problems if check else ():
        _say(problem)
    text = render_json(found, check) if options.format == "json" else render_text(found, check)
    return text, 1 if check and check.problems else 0


def _folder(options: argparse.Namespace) -> Path | None:
    """All studies are a page; some of them, or a quick look, are one only where it is asked for."""
    if options.out:
        return Path(options.out)
    return None if options.names or options.quick else RESULTS / "paper"


def _check_options(options: argparse.Namespace) -> None:
    sample, limit, workers = options.sample, options.time_limit, options.workers
    checks = {
        f"--sample: {sample}: must be from 0 to 100000": sample is None or 0 <= sample <= 100_000,
        f"--seed: {options.seed}: must be from 0": options.seed is None or options.seed >= 0,
        f"--time-limit: {limit}: must be above 0 seconds": limit is None or limit > 0,
        f"--workers: {workers}: must be from 1 to 1024": workers is None or 1 <= workers <= 1024,
        "--quick: checks what is stored: leave out --full": not (options.quick and options.full),
        "--seed: chooses the sample of stored trials: leave out --full": options.seed is None or not options.full,
    }
    if problems := [problem for problem, holds in checks.items() if not holds]:
        raise InputError(problems)


@contextmanager
def _store(options: argparse.Namespace) -> Iterator[Store]:
    if options.full:
        with Store(Path(options.store or RESULTS / "paper.sqlite")) as store:
            yield store
        return
    path = Path(options.store or shipped_store())
    if not path.is_file():
        raise InputError(f"{path}: no such results file; nvmsim reproduce --full makes one")
    with Store(path, read_only=not options.store) as store:
        yield store


def _measure(studies: Sequence[Study], store: Store, networks: Networks, options: argparse.Namespace) -> None:
    every, workers = with_sources(studies), options.workers or available_cores()
    _say(expected_full(every, store, networks, workers=workers))
    whole = measure_studies(every, store, networks, time_limit_s=options.time_limit, workers=workers, progress=True)
    if not whole:
        _say(f"the time was used up; what was measured is in {store.path}: run again to go on")


def _check(studies: Sequence[Study], store: Store, networks: Networks, options: argparse.Namespace) -> Check | None:
    if options.full or options.sample == 0:
        return None
    most, limit_s = (QUICK_SAMPLE, QUICK_SAMPLE_S) if options.quick else (SAMPLE, SAMPLE_S)
    limit_s = inf if options.sample else limit_s
    seed = randbits(32) if options.seed is None else options.seed
    workers = options.workers or available_cores()
    here = networks.with_data()
    points = [(study.name, point) for study in with_sources(studies) for point in points_here([study], here)]
    cells = draw_cells(
        points,
        Rows(store),
        most=options.sample or most,
        seed=seed,
        limit_s=(options.time_limit or limit_s) * workers,
    )
    if options.sample and len(cells) < options.sample:
        _say(f"{len(cells)} of {options.sample} blocks: that is all that is stored, or --time-limit allows")
    if cells:
        _say(f"doing {len(cells)} stored blocks again takes about {expected_s(cells, workers) + START_S:.0f} s")
    return check_cells(cells, store, here, seed=seed, workers=workers, time_limit_s=options.time_limit, progress=True)


def _say(text: str) -> None:
    print(f"nvmsim: {text}", file=sys.stderr)
