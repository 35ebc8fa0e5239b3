"""The options of ``nvmsim study`` and of the commands that look at what it stored."""

import argparse

from nvmsim.cli_options import add_backend, add_format, add_workers

_STUDY = "a study: its YAML file, a bundled name (quick), or the name under which it was run (default: the only one)"


def _add_study(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "study",
        help="a trade-off study over a grid of devices, ages, networks and schemes",
        description="Measure every row of a grid until what the study decides is known, and write its report. What was "
        "measured is kept: Ctrl-C or a kill may end it at any moment, and the same call goes on.",
    )
    parser.add_argument(
        "study", metavar="STUDY", help="a YAML file, a bundled name (quick), or one that was run before"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what it takes, and measure nothing")
    parser.add_argument(
        "--time-limit", type=float, metavar="S", help="seconds of sampling in this call; 8 trials a row always run"
    )
    add_workers(parser)
    add_backend(parser)
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="a Dask scheduler such as tcp://host:8786, or local-cluster"
    )
    _add_report_options(parser)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", help="folder of the report (default: nvmsim-results/NAME)")
    _add_store(parser)
    add_format(parser, "table", "json", "csv")


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", metavar="FILE", help="the trials (default: nvmsim-results/trials.sqlite)")


def _add_status(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("status", help="how far a study is, and why each of its tasks stopped")
    parser.add_argument("study", metavar="STUDY", nargs="?", help=_STUDY)
    _add_store(parser)
    add_format(parser, "table", "json", "csv")


def _add_report(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("report", help="a study's report from the stored trials alone, finished or not")
    parser.add_argument("study", metavar="STUDY", nargs="?", help=_STUDY)
    _add_report_options(parser)


def _add_best(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "best",
        help="the fastest scheme that surely loses little enough, a device, age and network each",
        description="Name the fastest scheme of every setting of a study whose accuracy loss is at most so many points "
        "with 95 % confidence, and what the next cheaper one would lose.",
    )
    parser.add_argument("study", metavar="STUDY", nargs="?", help=_STUDY)
    parser.add_argument("--max-drop", type=float, metavar="POINTS", help="in place of the study's max_drop_points")
    _add_store(parser)
    add_format(parser, "table", "json", "csv")


def _add_export(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("export", help="every count that a study rests on, as a table")
    parser.add_argument("study", metavar="STUDY", nargs="?", help=_STUDY)
    parser.add_argument("--out", metavar="FILE", help="where to (default: CSV to stdout)")
    _add_store(parser)
    add_format(parser, "csv", "parquet")


def _add_merge(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("merge", help="take the trials of other stores into one")
    parser.add_argument("into", metavar="STORE", help="the store that grows; it is made if it is not there")
    parser.add_argument("stores", metavar="FROM", nargs="+", help="stores that stay as they are")


STUDY_COMMANDS = (_add_study, _add_status, _add_report, _add_best, _add_export, _add_merge)
