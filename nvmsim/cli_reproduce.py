"""``nvmsim reproduce``: the paper's tables and figures, beside what was measured here."""

import argparse
import sys
from pathlib import Path

from nvmsim.accuracy.store import Store
from nvmsim.study.paper.load import load_studies
from nvmsim.study.paper.measure import measure_studies
from nvmsim.study.paper.points import curves_of
from nvmsim.study.paper.sources import Networks
from nvmsim.study.run import RESULTS


def reproduce_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim reproduce`` with its options; returns what stdout gets."""
    studies = load_studies(options.names)
    networks = Networks.of(curves_of(studies))
    with Store(Path(options.store or RESULTS / "paper.sqlite")) as store:
        whole = measure_studies(
            studies,
            store,
            networks,
            time_limit_s=options.time_limit,
            workers=options.workers,
            progress=True,
        )
    for name, reason in networks.missing.items():
        print(f"nvmsim: {name}: not measured: {reason}", file=sys.stderr)
    return "all measured" if whole else "the time was used up; run again to go on"
