"""What every injection backend does, and how one is chosen. All backends are equal bit for bit."""

from abc import ABC, abstractmethod
from functools import cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from nvmsim.errors import InputError
from nvmsim.inject.draws import decode_uniforms, image_order, net_flips, trial_offset
from nvmsim.inject.sampler import FlipTables
from nvmsim.inject.target import FlipTarget

__all__ = ["Backend", "FlipTarget", "decode_uniforms", "get_backend", "image_order", "net_flips", "trial_offset"]

BACKENDS = ("auto", "cpu", "cuda", "reference", "shim")


class Backend(ABC):
    """Draws the flips of a trial and applies them; applying a record again undoes it."""

    name: str

    @abstractmethod
    def draw(
        self, tables: FlipTables, target: FlipTarget, *, seed: int, trial: int, offset: int = 0, threads: int = 1
    ) -> NDArray[np.uint64]:
        """Return the physical addresses (page << 32 | bit) of a trial's kept events, in order (cell, draw).

        Repeats are possible and cancel. ``target.buffer`` must hold the written image: events are decided on it.
        ``offset`` is the trial's page-type offset. ``threads`` changes the time only. Raises InputError on a seed
        or trial out of range.
        """

    @abstractmethod
    def apply(
        self,
        buffer: NDArray[np.uint16],
        addresses: NDArray[np.uint64],
        *,
        word_bits: int,
        usable_bits: int,
        threads: int = 1,
    ) -> None:
        """Flip the bits at ``addresses`` in ``buffer``, in place; addresses that hold no data are skipped."""

    def flip(
        self, tables: FlipTables, target: FlipTarget, *, seed: int, trial: int, offset: int = 0, threads: int = 1
    ) -> NDArray[np.uint64]:
        """Draw a trial's events, apply them to ``target.buffer`` and return them: the record that undoes them."""
        record = self.draw(tables, target, seed=seed, trial=trial, offset=offset, threads=threads)
        self.apply(target.buffer, record, word_bits=target.word_bits, usable_bits=target.usable_bits, threads=threads)
        return record


@cache
def get_backend(name: str = "auto") -> Backend:
    """Return the backend ``name``: cpu (numba), cuda (CuPy), reference (numpy), shim (the kernels built by g++).

    ``auto`` is cuda where CuPy finds a device, else cpu. Raises InputError when something needed is missing.

    >>> get_backend("reference").name
    'reference'
    """
    if name == "auto":
        return _best()
    if name == "cpu":
        from nvmsim.inject.cpu import CpuBackend as Chosen
    elif name == "cuda":
        from nvmsim.inject.gpu import CudaBackend as Chosen
    elif name == "reference":
        from nvmsim.inject.reference import ReferenceBackend as Chosen
    elif name == "shim":
        from nvmsim.inject.shim import ShimBackend as Chosen
    else:
        raise InputError(f"backend: {name!r}: must be one of {', '.join(BACKENDS)}")
    return Chosen()


def _best() -> Backend:
    if find_spec("cupy"):
        try:
            return get_backend("cuda")
        except InputError:
            pass
    return get_backend("cpu")
