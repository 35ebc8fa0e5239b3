"""Every command's options, and nothing else."""

import argparse
from importlib.metadata import version

from nvmsim import defaults
from nvmsim.cli_arguments_inference import add_inference
from nvmsim.cli_arguments_study import STUDY_COMMANDS
from nvmsim.cli_options import add_backend, add_format, add_workers


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    >>> build_parser().parse_args(["run", "tlc"]).device
    'tlc'
    """
    parser = argparse.ArgumentParser(
        prog="nvmsim",
        description="Neural networks stored in noisy non-volatile memory: throughput gained by dropping ECC "
        "against accuracy lost.",
    )
    parser.add_argument("--version", action="version", version=f"nvmsim {version('nvmsim')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    studies = (_add_run, *STUDY_COMMANDS, _add_sensitivity, _add_robustness, _add_reproduce)
    parts = (
        _add_timing,
        _add_inference,
        _add_layout,
        _add_devices,
        _add_schema,
        _add_models,
        _add_train,
        _add_data,
        _add_bench,
    )
    for add in (*studies, *parts):
        add(commands)
    return parser


def _device_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "device", metavar="DEVICE", help="a profile: the path of a YAML file, or a bundled name (tlc); tlc@worst"
    )
    _set_argument(parser)


def _set_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY.PATH=VALUE",
        help="change one key of the profile, such as ecc.engines=4 (repeatable)",
    )


def _add_run(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "run",
        help="throughput against accuracy for one device, age and network",
        description="Store a network on a device, with and without ECC, and print throughput gained against "
        "accuracy lost, one row a scheme and mode.",
    )
    _device_argument(parser)
    parser.add_argument("--model", default=defaults.MODEL, help="a model's folder, card, or bundled name (%(default)s)")
    _add_age(parser)
    parser.add_argument(
        "--schemes",
        default=",".join(defaults.SCHEMES),
        metavar="A,B,...",
        help="schemes to compare (%(default)s); ecc/bits=15-12 or ecc/layers=conv1+fc2: ECC for that part alone",
    )
    parser.add_argument(
        "--device-seed",
        type=int,
        default=0,
        metavar="N",
        help="which device of its kind: its bad pages and blocks, its stuck cells, if there are such (%(default)s)",
    )
    parser.add_argument(
        "--reads-per-inference",
        type=int,
        default=0,
        metavar="N",
        help="1: weights are read again for each batch of 500 images, with read errors of its own on the same stored "
        "ones (rber.per_read_fraction); 0: once for all images (%(default)s)",
    )
    parser.add_argument(
        "--placement",
        metavar="A,B",
        help="where bits lie, for all schemes: linear (default), one word after the other; bit-plane, high bits "
        "first on the page type of the lowest RBER; layers=conv1+fc6, the words of those layers first; "
        "linear,bit-plane compares both. A single scheme: raw@bit-plane, raw@layers=conv1+fc6",
    )
    _add_effort(parser)
    _add_sampling(parser)


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    """Add what every study that runs trials has."""
    parser.add_argument("--range-scope", choices=("global", "layer", "tensor"), default=defaults.RANGE_SCOPE)
    parser.add_argument("--seed", type=int, default=0, help="seed of flips and of the order of images (%(default)s)")
    add_backend(parser)
    add_workers(parser)
    parser.add_argument(
        "--out", metavar="DIR", help="folder of the report (default: one a question, under the store's)"
    )
    parser.add_argument(
        "--store", metavar="FILE", help="trials done so far (default: trials.sqlite in --out or nvmsim-results)"
    )
    add_format(parser, "table", "json", "csv")


def _add_sensitivity(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "sensitivity",
        help="which layers and which bit positions of a network hurt",
        description="Put bit errors into one bit position of one layer at a time and print the accuracy lost, layer x "
        "bit, with a heat map. Whole layers, whole bit positions and the whole network stand beside them.",
    )
    parser.add_argument("model", metavar="MODEL", help="a model's folder, card, or bundled name (mnist-cnn)")
    parser.add_argument(
        "--rber",
        type=float,
        default=defaults.SENSITIVITY_RBER,
        metavar="P",
        help="bit error rate in the bits concerned; at %(default)s the 320 weights of mnist-cnn's smallest layer see "
        "16 flips a trial in a bit position, and its layers differ (%(default)s)",
    )
    parser.add_argument(
        "--scheme", default=defaults.SENSITIVITY_SCHEME, help="how weights are stored, as for run (%(default)s)"
    )
    parser.add_argument("--layers", metavar="A,B,...", help="names of layers, such as conv1,fc5 (default: all)")
    parser.add_argument("--bits", metavar="15,14,...", help="bit positions, 0 the least significant (default: all)")
    parser.add_argument(
        "--trials",
        type=int,
        default=defaults.SENSITIVITY_TRIALS,
        metavar="N",
        help="distorted models a cell (%(default)s)",
    )
    parser.add_argument(
        "--images",
        type=int,
        default=defaults.SENSITIVITY_IMAGES,
        metavar="N",
        help="test images a trial, rounded up to blocks of 500 (%(default)s)",
    )
    _add_sampling(parser)


def _add_robustness(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "robustness",
        help="the bit error rate up to which a network keeps its accuracy: the paper's R(x)",
        description="Find the bit error rate at which the mean accuracy falls below x of the undistorted network's, "
        "with a 95 %% interval: images go where they narrow it. Every stored bit flips alone, nothing is corrected.",
    )
    parser.add_argument("model", metavar="MODEL", help="a model's folder, card, or bundled name (mnist-cnn)")
    parser.add_argument("--x", type=float, default=defaults.X, help="the part of the accuracy to keep (%(default)s)")
    parser.add_argument(
        "--schemes",
        default=",".join(defaults.ROBUSTNESS_SCHEMES),
        metavar="A,B,...",
        help="how weights are stored, as for run (%(default)s)",
    )
    parser.add_argument(
        "--layers", metavar="A,B,...", help="errors meet these layers alone, such as lstm (default: all)"
    )
    parser.add_argument("--grid", metavar="P,P,...", help="also give the largest of these bit error rates up to R")
    effort = parser.add_argument_group("effort", "the search stops at the first of these")
    effort.add_argument(
        "--precision",
        type=float,
        default=defaults.ROBUSTNESS_PRECISION,
        metavar="P",
        help="wanted width of the interval of R, in parts of R (%(default)s)",
    )
    effort.add_argument(
        "--trials",
        type=int,
        default=defaults.ROBUSTNESS_TRIALS,
        metavar="N",
        help="distorted models a rate, at most; fewer than 72 prove no R(0.95) from below (%(default)s)",
    )
    effort.add_argument(
        "--time-limit", type=float, metavar="S", help="seconds of sampling, earlier calls included (default: none)"
    )
    _add_sampling(parser)


def _add_age(parser: argparse.ArgumentParser) -> None:
    age = parser.add_argument_group("age of the device", "a condition of the profile, or single values in its place")
    age.add_argument(
        "--condition",
        metavar="NAME",
        help="such as fresh, mid, beyond (default: worn, or the profile's last)",
    )
    age.add_argument("--pe-cycles", type=float, metavar="N", help="program/erase cycles")
    age.add_argument("--retention-days", type=float, metavar="DAYS", help="time since the weights were written")
    age.add_argument("--reads", type=float, metavar="N", help="reads a page has seen since it was written")
    age.add_argument("--temperature", type=float, metavar="C", help="temperature in degrees Celsius")
    age.add_argument("--rber", type=float, metavar="P", help="one raw bit error rate for every bit, in place of an age")


def _add_effort(parser: argparse.ArgumentParser) -> None:
    effort = parser.add_argument_group(
        "effort", "sampling stops at the first of these, asked at doublings of the trials"
    )
    effort.add_argument(
        "--target",
        choices=("this-test-set", "the-task"),
        default="this-test-set",
        help="what intervals are about: these images, or all that they were drawn from (%(default)s)",
    )
    effort.add_argument(
        "--trials", type=int, default=defaults.TRIALS, metavar="N", help="distorted models a row, at most (%(default)s)"
    )
    effort.add_argument(
        "--precision",
        type=float,
        default=defaults.PRECISION,
        metavar="P",
        help="wanted half-width of an accuracy's interval (%(default)s)",
    )
    effort.add_argument(
        "--time-limit",
        type=float,
        default=defaults.TIME_LIMIT_S,
        metavar="S",
        help="seconds of sampling, earlier calls included (%(default)s)",
    )


def _add_timing(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("timing", help="read bandwidth of a device with ECC on, bypassed and reclaimed")
    _device_argument(parser)
    parser.add_argument(
        "--condition", metavar="NAME", help="age that sets the read retries (default: worn, or the last)"
    )
    add_format(parser, "table", "json")


def _add_inference(commands: argparse._SubParsersAction) -> None:
    add_inference(commands, _device_argument)


def _add_layout(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("layout", help="which pages, channels and dies the tensors of a model lie on")
    _device_argument(parser)
    parser.add_argument("--model", default=defaults.MODEL, help="as for run (%(default)s)")
    parser.add_argument("--scheme", default="raw", help="one scheme, as for run (%(default)s)")
    modes = ("ecc", "bypass", "reclaim", "ecc+bypass", "ecc+reclaim")
    parser.add_argument("--mode", choices=modes, help="default: the scheme's first; the last two for ECC in part")
    parser.add_argument(
        "--condition",
        metavar="NAME",
        help="age whose RBER says which page type is the most reliable (default: worn, or the profile's last)",
    )
    add_format(parser, "table", "json")


def _add_devices(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("devices", help="list, show or check device profiles")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="the bundled profiles (the default)")
    show = actions.add_parser("show", help="a resolved profile with units, sources and RBER by page type and age")
    _device_argument(show)
    add_format(show, "table", "json")
    check = actions.add_parser("check", help="say everything that is wrong with a profile")
    _device_argument(check)
    compare = actions.add_parser("compare", help="where profiles differ, and what comes of it")
    compare.add_argument("devices", nargs="+", metavar="DEVICE", help="paths of YAML files, or bundled names; tlc@best")
    add_format(compare, "table", "json")
    plot = actions.add_parser("plot", help="RBER over P/E cycles and time by page type, and where the ECC limit cuts")
    _device_argument(plot)
    plot.add_argument("--out", metavar="DIR", help="where the figure and its data go (default: one a device)")
    plot.add_argument("--narrow", action="store_true", help="for a phone or a column of print: panels below each other")
    new = actions.add_parser("new", help="write a commented profile that extends another one")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--from", dest="base", default="tlc", metavar="DEVICE", help="the one to extend (%(default)s)")
    new.add_argument("--out", metavar="FILE", help="where it goes, never over a file (default: NAME.yaml)")


def _add_schema(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("schema", help="JSON Schema of a kind of file, for editors")
    parser.add_argument("what", choices=("device",), metavar="KIND", help="device")


def _add_models(commands: argparse._SubParsersAction) -> None:
    commands.add_parser("models", help="list the networks that came with nvmsim")


def _add_train(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("train", help="train a network by the recipe on its card")
    parser.add_argument("model", metavar="MODEL", help="a model's folder, card, or bundled name")
    parser.add_argument("--out", metavar="DIR", help="folder of the trained model (default: nvmsim-models/NAME)")
    parser.add_argument("--epochs", type=int, metavar="N", help="in place of the card's")
    parser.add_argument("--start", metavar="FILE", help="safetensors of this network in training, to go on from")
    parser.add_argument("--stage", type=int, metavar="N", help="stage of the recipe, from 0, that --start enters")
    parser.add_argument("--pretrained", metavar="FILE", help="torchvision's vgg16 (.pth, .safetensors), or 'download'")
    parser.add_argument("--threads", type=int, metavar="N", help="in place of the card's")


def _add_data(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("data", help="list, fetch or verify data sets")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, text in (
        ("list", "what there is, how large, where it was found, and on which terms"),
        ("fetch", "download what is not here into the cache, verified"),
        ("verify", "compare every copy that is here with its checksums; exit code 2 names the damaged ones"),
    ):
        one = actions.add_parser(action, help=text)
        one.add_argument("names", nargs="*", metavar="NAME", help="which data sets (default: all)")
        add_format(one, "table", "json")


def _add_bench(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("bench", help="measure speed here, as ratios against named alternatives")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which benchmarks (default: all)")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that they run")
    add_format(parser, "table", "json")


def _add_reproduce(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "reproduce",
        help="the paper's tables and figures beside what was measured here",
        description="Draw the paper's tables and figures from stored trials, beside the paper's numbers, and do a "
        "random sample of these trials again to see that they are right. Exit code 1: they are not.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which studies, such as table-2 (default: all)")
    parser.add_argument("--quick", action="store_true", help="a small sample, and exact distortions to 10 bits only")
    parser.add_argument("--full", action="store_true", help="measure every trial again, into a store of your own")
    parser.add_argument("--sample", type=int, metavar="N", help="stored blocks of images to do again (60, --quick 16)")
    parser.add_argument("--seed", type=int, metavar="N", help="which sample (default: a new one each time)")
    parser.add_argument(
        "--store",
        metavar="FILE",
        help="draw from these trials; with --full: measure into them (nvmsim-results/paper.sqlite)",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="where paper.md and its figures go (default: with no NAME, nvmsim-results/paper)"
    )
    add_workers(parser)
    parser.add_argument("--time-limit", type=float, metavar="S", help="end measuring or checking after so many seconds")
    add_format(parser, "table", "json")
