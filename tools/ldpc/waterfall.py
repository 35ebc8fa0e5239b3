"""Measure how often an LDPC decoder fails on a given number of errors: ``python -m tools.ldpc.waterfall NAME``.

Writes nvmsim/device/ldpc_tables/NAME.yaml, which a profile cites (``ecc: {code: ldpc-table, table: NAME}``), and prints
the failure rate of codewords against RBER. Frames are numbered: stop it at any time, run it again with more --frames,
and it goes on behind those counted in the file.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from scipy.stats import beta

from nvmsim.device.binomial import binomial_pmf
from nvmsim.device.ldpc_table import TABLES, Points
from nvmsim.errors import InputError
from tools.ldpc.channel import HARD, soft_levels
from tools.ldpc.code import QcCode, qc_code
from tools.ldpc.decoder import SCALE, count_failures

# block rows, block columns, circulant, seed: 1 KiB of data at rate 8/9, as 128 parity bytes carry it; and a small one.
CODES = {"qc-1024-128": (4, 36, 256, 1), "qc-36-12": (3, 12, 32, 1)}
ITERATIONS = 20
BATCH = 200
ENOUGH_FAILURES = 200


def interval(failures: int, frames: int) -> tuple[float, float]:
    """Return the 95 % Clopper-Pearson interval of a failure rate.

    >>> [round(end, 4) for end in interval(0, 100)]
    [0.0, 0.0362]
    """
    low = beta.ppf(0.025, failures, frames - failures + 1) if failures else 0.0
    high = beta.ppf(0.975, failures + 1, frames - failures) if failures < frames else 1.0
    return float(low), float(high)


def describe(name: str) -> tuple[QcCode, dict]:
    """Return a code and what a table says of it."""
    rows, columns, circulant, seed = CODES[name]
    code = qc_code(rows, columns, circulant, seed=seed)
    facts = {"construction": "array of circulant permutations, girth at least 6", "seed": seed}
    facts |= {"block_rows": rows, "block_columns": columns, "circulant": circulant}
    facts |= {"codeword_bits": code.bits, "data_bits": code.data_bits, "shifts": code.shifts.tolist()}
    return code, facts


def measure(code: QcCode, row: dict, *, kind: str, frames: int, seed: int) -> None:
    """Count failures at ``row["errors"]`` until there are enough, or ``frames`` were decoded."""
    levels = HARD if kind == "hard" else soft_levels(row["errors"] / code.bits)
    while row["frames"] < frames and row["failures"] < ENOUGH_FAILURES:
        span = np.array([row["frames"], min(row["frames"] + BATCH, frames)])
        failed, unseen, _ = count_failures(code.shifts, code.circulant, row["errors"], span, levels, ITERATIONS, seed)
        row["frames"], row["failures"] = int(span[1]), row["failures"] + failed
        row["undetected"] += unseen
    low, high = interval(row["failures"], row["frames"])
    row |= {"low": float(f"{low:.3g}"), "high": float(f"{high:.3g}")}


def rows_of(table: dict, kind: str, errors: Sequence[int]) -> list[dict]:
    """Return the rows of one kind of input, those of the file and new ones, by number of errors."""
    known = {row["errors"]: row for row in table.get(kind, [])}
    for count in errors:
        known.setdefault(count, {"errors": count, "frames": 0, "failures": 0, "undetected": 0})
    return [known[count] for count in sorted(known)]


def write(path: Path, table: dict) -> None:
    """Write a table whole or not at all, a row a line."""
    whole = path.with_suffix(".new")
    text = yaml.safe_dump(table, sort_keys=False, default_flow_style=None, width=2000)
    whole.write_text(f"# Measured by python -m tools.ldpc.waterfall; frames are those decoded at each point.\n{text}")
    whole.replace(path)


def waterfall(code: QcCode, rows: list[dict]) -> list[tuple[float, float]]:
    """Return (RBER, failure rate of codewords): the exact binomial mean over the table's points."""
    points = Points.of(rows, code.bits)
    rbers = [row["errors"] / code.bits for row in rows]
    counts = np.arange(code.bits + 1)
    return [(rber, float(binomial_pmf(code.bits, rber) @ points.failure(counts))) for rber in rbers]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, write after each point, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=CODES)
    parser.add_argument("--input", choices=("hard", "soft"), default="hard")
    parser.add_argument("--errors", type=int, nargs="*", default=[], help="wrong bits of the codeword, one point each")
    parser.add_argument("--frames", type=int, default=1000, help="at most so many a point")
    parser.add_argument("--folder", type=Path, default=TABLES)
    asked = parser.parse_args(argv)
    path = asked.folder / f"{asked.name}.yaml"
    old = yaml.safe_load(path.read_text()) if path.exists() else {}
    code, facts = describe(asked.name)
    decoder = {"algorithm": "normalised min-sum, layered", "scale": float(SCALE), "iterations": ITERATIONS}
    if old and (old["code"], old["decoder"]) != (facts, decoder):
        parser.error(f"{path}: holds points of another code or decoder; remove it first")
    table = {"code": facts, "decoder": decoder} | {kind: old.get(kind, []) for kind in ("hard", "soft")}
    table[asked.input] = rows_of(table, asked.input, asked.errors)
    for row in table[asked.input]:
        measure(code, row, kind=asked.input, frames=asked.frames, seed=CODES[asked.name][3])
        write(path, table)
    try:
        lines = [f"{rber:.2e}  {rate:.2e}" for rber, rate in waterfall(code, table[asked.input])]
    except InputError as problem:
        lines = [f"not enough points yet: {problem}"]
    print("\n".join(["    RBER  P(codeword fails)", *lines]))


if __name__ == "__main__":
    main()
