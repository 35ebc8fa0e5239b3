"""Compilation by numba ahead of the first call."""

from collections.abc import Callable

from numba import njit

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


def compiled(signature: object) -> Callable[[Callable], Callable]:
    """Compile for ``signature`` and keep the result on disk, or in memory alone where no folder can be written."""

    def compile_it(function: Callable) -> Callable:
        try:
            return njit(signature, **OPTIONS)(function)
        except RuntimeError:
            return njit(signature, **{**OPTIONS, "cache": False})(function)

    return compile_it
