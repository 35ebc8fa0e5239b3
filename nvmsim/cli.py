"""The command line: parse, call, print."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from nvmsim.cli_arguments import build_parser
from nvmsim.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 no result or a wrong one, 2 bad input, 130 interrupted.

    >>> main(["devices", "check", "no-such-file.yaml"])
    2
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = build_parser().parse_args(typed)
        options.typed = typed
        return _dispatch(options)
    except InputError as error:
        return _fail(error.problems)
    except KeyboardInterrupt as interrupt:
        print(f"nvmsim: {str(interrupt) or 'interrupted'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, MemoryError) as error:
        return _fail([str(error) or type(error).__name__])


def _fail(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"nvmsim: {problem}", file=sys.stderr)
    return 2


def _dispatch(options: argparse.Namespace) -> int:
    answer = COMMANDS[options.command](options)
    text, code = answer if isinstance(answer, tuple) else (answer, 0)
    if sys.stdout is not None:  # closed by the caller, who then wants the folder alone
        print(text.rstrip("\n"))
        sys.stdout.flush()
    return code


def _run(options: argparse.Namespace) -> str:
    from nvmsim.cli_run import run_command

    return run_command(options)


def _sensitivity(options: argparse.Namespace) -> str:
    from nvmsim.cli_sensitivity import sensitivity_command

    return sensitivity_command(options)


def _robustness(options: argparse.Namespace) -> str:
    from nvmsim.cli_robustness import robustness_command

    return robustness_command(options)


def _study(name: str) -> Callable[[argparse.Namespace], str]:
    def answer(options: argparse.Namespace) -> str:
        from nvmsim import cli_study

        return getattr(cli_study, f"{name}_command")(options)

    return answer


def _timing(options: argparse.Namespace) -> str:
    from nvmsim.cli_timing import timing_report

    return timing_report(options.device, options.set, condition=options.condition, fmt=options.format)


def _inference(options: argparse.Namespace) -> str:
    from nvmsim.cli_inference import inference_command

    return inference_command(options)


def _layout(options: argparse.Namespace) -> str:
    from nvmsim.cli_layout import layout_report

    chosen = {"model": options.model, "scheme": options.scheme, "mode": options.mode, "condition": options.condition}
    return layout_report(options.device, options.set, **chosen, fmt=options.format)


def _devices(options: argparse.Namespace) -> str:
    from nvmsim import cli_devices

    if options.action == "show":
        return cli_devices.show_device(options.device, options.set, fmt=options.format)
    if options.action == "check":
        return cli_devices.check_device(options.device, options.set)
    if options.action == "compare":
        return cli_devices.compare_devices(options.devices, fmt=options.format)
    if options.action == "plot":
        return cli_devices.plot_device(options.device, options.set, out=options.out, narrow=options.narrow)
    if options.action == "new":
        return cli_devices.new_device(options.name, options.base, out=options.out)
    return cli_devices.list_devices()


def _schema(options: argparse.Namespace) -> str:
    import json

    from nvmsim.device.json_schema import device_schema

    return json.dumps({"device": device_schema}[options.what](), indent=2)


def _models(options: argparse.Namespace) -> str:
    from nvmsim.zoo.show import list_models

    return list_models()


def _train(options: argparse.Namespace) -> str:
    from nvmsim.zoo.train import train_command

    return train_command(options)


def _data(options: argparse.Namespace) -> str:
    from nvmsim.cli_data import data_command

    return data_command(options)


def _bench(options: argparse.Namespace) -> str:
    from nvmsim.bench import bench_report

    return bench_report(options.names, quick=options.quick, fmt=options.format)


def _reproduce(options: argparse.Namespace) -> tuple[str, int]:
    from nvmsim.cli_reproduce import reproduce_command

    return reproduce_command(options)


COMMANDS: dict[str, Callable[[argparse.Namespace], str | tuple[str, int]]] = {
    "run": _run,
    "sensitivity": _sensitivity,
    "robustness": _robustness,
    **{name: _study(name) for name in ("study", "status", "report", "best", "export", "merge")},
    "timing": _timing,
    "inference": _inference,
    "layout": _layout,
    "devices": _devices,
    "schema": _schema,
    "models": _models,
    "train": _train,
    "data": _data,
    "bench": _bench,
    "reproduce": _reproduce,
}

if __name__ == "__main__":
    sys.exit(main())
