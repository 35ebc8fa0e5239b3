"""Measure how many iterations an LDPC decoder takes for its errors: ``python -m tools.ldpc.iterations NAME``.

Prints the mean at each number of wrong bits, and the growth g of iterations = 1 + g errors: no iterative decoder takes
less than one, and a profile whose ``decode_latency_us`` is that without errors may cite g as its
``decode_growth_per_error``. Frames are those of ``tools.ldpc.waterfall``; one that fails counts with all iterations.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from nvmsim.device.ldpc_table import load_points
from tools.ldpc.channel import HARD, soft_levels
from tools.ldpc.code import QcCode
from tools.ldpc.decoder import count_failures
from tools.ldpc.waterfall import CODES, ITERATIONS, describe

BATCHES = 20
STEPS = 8


def mean_iterations(code: QcCode, errors: int, *, kind: str, frames: int, seed: int) -> NDArray[np.float64]:
    """Return the mean iterations of ``BATCHES`` batches of ``frames`` frames in all, each with so many wrong bits."""
    levels = HARD if kind == "hard" else soft_levels(errors / code.bits)
    edges = np.linspace(0, frames, BATCHES + 1).astype(np.int64)
    spans = np.column_stack([edges[:-1], edges[1:]])
    work = [count_failures(code.shifts, code.circulant, errors, span, levels, ITERATIONS, seed)[2] for span in spans]
    return np.array(work) / np.diff(edges)


def growth(errors: Sequence[int], iterations: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return g of iterations = 1 + g errors by least squares, and its 95 % interval; one row a number of errors.

    Each column is a batch of its own frames, whose g tells of the others by Student's t.

    >>> growth([10, 20], np.array([[1.5, 1.5], [2.0, 2.0]]))
    (0.05, 0.05, 0.05)
    """
    wrong = np.asarray(errors, np.float64)
    found = wrong @ (iterations - 1) / (wrong @ wrong)
    mean, count = float(found.mean()), found.size
    half = float(student_t.ppf(0.975, count - 1) * found.std(ddof=1) / np.sqrt(count))
    return mean, mean - half, mean + half


def usual_errors(name: str, kind: str) -> list[int]:
    """Return equal steps up to the fewest wrong bits at which the shipped table has failures."""
    first = min(errors for errors, _, failures in load_points(name, kind)[0].counts if failures)
    return [round(first * step / STEPS) for step in range(1, STEPS + 1)]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=CODES)
    parser.add_argument("--input", choices=("hard", "soft"), default="hard")
    parser.add_argument(
        "--errors", type=int, nargs="+", help="wrong bits (default: up to where decoding begins to fail)"
    )
    parser.add_argument("--frames", type=int, default=4000, help=f"decoded at each, at least {BATCHES}")
    asked = parser.parse_args(argv)
    code, errors = describe(asked.name)[0], asked.errors or usual_errors(asked.name, asked.input)
    if asked.frames < BATCHES:
        parser.error(f"argument --frames: {asked.frames}: must be at least {BATCHES}")
    if not all(0 < count <= code.bits for count in errors):
        parser.error(f"argument --errors: must be from 1 to {code.bits}")
    how = {"kind": asked.input, "frames": asked.frames, "seed": CODES[asked.name][3]}
    found = np.array([mean_iterations(code, count, **how) for count in errors])
    g, low, high = growth(errors, found)
    lines = [
        f"{wrong:6}  {mean:10.3f}  {1 + g * wrong:7.3f}" for wrong, mean in zip(errors, found.mean(axis=1), strict=True)
    ]
    print("\n".join(["errors  iterations  1 + g e", *lines, f"g = {g:.4f} [{low:.4f}, {high:.4f}]"]))


if __name__ == "__main__":
    main()
