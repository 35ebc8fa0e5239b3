"""Options that many commands share."""

import argparse


def add_format(parser: argparse.ArgumentParser, *formats: str) -> None:
    """Add ``--format``; the first of ``formats`` is its default."""
    parser.add_argument("--format", choices=formats, default=formats[0], help="what is written (%(default)s)")


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add ``--workers``."""
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Add ``--backend``."""
    parser.add_argument("--backend", choices=("auto", "cpu", "cuda"), default="auto", help="where bits are flipped")
