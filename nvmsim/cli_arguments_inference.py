"""The options of ``nvmsim inference``."""

import argparse
from collections.abc import Callable

from nvmsim import defaults
from nvmsim.cli_options import add_format


def add_inference(commands: argparse._SubParsersAction, device_argument: Callable) -> None:
    """Add the command; ``device_argument`` adds what every command on a device has."""
    parser = commands.add_parser(
        "inference",
        help="inferences (or tokens) a second where weights stay in the device: at host, controller or die",
        description="Put one network into one device and ask how fast it runs: weights streamed to the host, to a "
        "computer beside the controller, or used in the dies that sense them. Nothing is kept between inferences.",
    )
    device_argument(parser)
    parser.add_argument(
        "--condition", metavar="NAME", help="age that sets retries and errors (default: worn, or the last)"
    )
    _add_network(parser)
    parser.add_argument("--where", default="host,controller,die", metavar="A,B,...", help="places (%(default)s)")
    parser.add_argument(
        "--modes", default="ecc,bypass,reclaim", metavar="A,B,...", help="how host and controller read (%(default)s)"
    )
    _add_rates(parser)
    parser.add_argument("--out", metavar="DIR", help="write a figure of the answers, and its data, into this folder")
    add_format(parser, "table", "csv", "json")


def _add_network(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("network", "one of the first four")
    shape = network.add_mutually_exclusive_group()
    shape.add_argument("--model", metavar="MODEL", help=f"a model's folder, card, or bundled name ({defaults.MODEL})")
    shape.add_argument("--weights", type=float, metavar="N", help="so many weights, each used once (7e9)")
    shape.add_argument("--model-size", type=float, metavar="BYTES", help="so many bytes of such weights (14e9)")
    shape.add_argument("--layers", metavar="FILE", help="a YAML list of layer shapes: docs/inference.md")
    network.add_argument("--bits", type=float, default=16, metavar="N", help="stored bits a weight (%(default)s)")
    network.add_argument(
        "--batch", type=int, default=1, metavar="N", help="inputs that share a load of the weights (%(default)s)"
    )


def _add_rates(parser: argparse.ArgumentParser) -> None:
    rates = parser.add_argument_group("computers", "10^12 operations a second, two a multiply-accumulate")
    for place, assumed in defaults.TFLOPS.items():
        default = "as fast as bits are sensed" if assumed is None else f"{assumed:g}, an assumption"
        rates.add_argument(f"--{place}-tflops", type=float, metavar="X", help=f"computer at the {place} ({default})")
