"""Check the GPU kernels without a GPU: compile them by NVRTC for each architecture, run them on the CPU by g++.

Usage: python tools/check_kernels.py
"""

import sys

import numpy as np

from nvmsim.errors import InputError
from nvmsim.inject.backend import get_backend
from nvmsim.inject.nvrtc import ARCHITECTURES, compile_kernels
from nvmsim.inject.sampler import flip_tables
from nvmsim.inject.shim import ShimBackend
from nvmsim.inject.target import FlipTarget

SANITISE = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
CASES = {
    "sparse": [[1e-4, 1e-4], [2e-4, 5e-5], [1e-4, 0.0]],
    "full": [[1e-2, 5e-3], [2e-2, 1e-2], [1e-2, 3e-2]],
    "dense": [[0.3, 0.6], [1.0, 0.5], [0.0, 1e-3]],
}


def _target() -> FlipTarget:
    image = np.random.default_rng(5).integers(0, 2**16, 20_001, dtype=np.uint16)
    shape = {"channels": 2, "dies_per_channel": 2, "planes_per_die": 2, "page_types": 3, "scrambler": True}
    return FlipTarget(image, pages=40, page_bits=9_216, usable_bits=8_192, **shape)


def _same(rates: list[list[float]]) -> bool:
    """Whether the kernels, under two grids and with run-time checks, equal the reference: record and image."""
    target, tables = _target(), flip_tables(rates, page_bits=9_216)
    records, images = [], []
    for backend in (get_backend("reference"), ShimBackend(), ShimBackend(grid=(3, 4), extra_flags=SANITISE)):
        image = target.buffer.copy()
        records.append(backend.flip(tables, target._replace(buffer=image), seed=2**40 + 3, trial=9, offset=1))
        images.append(image)
    return all(np.array_equal(records[0], other) for other in records) and all(
        np.array_equal(images[0], other) for other in images
    )


def main() -> int:
    """Run all checks, print a line each, and return the exit code."""
    try:
        for architecture in ARCHITECTURES:
            print(f"NVRTC sm_{architecture}: {len(compile_kernels(architecture)):,} bytes")
        results = {name: _same(rates) for name, rates in CASES.items()}
    except InputError as error:
        print(error)
        return 1
    for name, same in results.items():
        print(f"g++ {name}: {'equal to the reference' if same else 'DIFFERS from the reference'}")
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
