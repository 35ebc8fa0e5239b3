"""The GPU's kernels built by g++ and run on the CPU: what proves them right where there is no GPU."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nvmsim.errors import InputError
from nvmsim.inject.kernel_backend import KERNEL_FOLDER, KernelBackend, sources_hash

FLAGS = ("-x", "c++", "-std=c++17", "-O2", "-ffp-contract=off", "-Wall", "-Werror", "-shared", "-fPIC")


def build_shim(extra_flags: Sequence[str] = ()) -> Path:
    """Build ``kernels/flips.cu`` as a shared library, once for each content and flags, and return its path.

    Raises InputError where g++ is missing or refuses the file.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise InputError("backend shim: needs g++, which is not on the path; install it or use --backend cpu")
    command = [compiler, *FLAGS, *extra_flags, "-include", str(KERNEL_FOLDER / "host.h")]
    name = hashlib.sha256(f"{command} {sources_hash()}".encode()).hexdigest()[:16]
    library = _cache_folder() / f"flips-{name}.so"
    if not library.exists():
        _compile([*command, str(KERNEL_FOLDER / "flips.cu")], library)
    return library


def _cache_folder() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nvmsim"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="nvmsim-"))
    return home if os.access(home, os.W_OK) else Path(tempfile.mkdtemp(prefix="nvmsim-"))


def _compile(command: list[str], library: Path) -> None:
    """Compile beside the goal, then rename: two processes may build at once."""
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        built = Path(folder) / library.name
        result = subprocess.run([*command, "-o", str(built)], capture_output=True, text=True, check=False)
        if result.returncode:
            raise InputError(f"backend shim: g++ failed:\n{result.stderr.strip()}")
        built.replace(library)


def _argument(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    return ctypes.c_double(value) if isinstance(value, np.float64) else ctypes.c_uint64(int(value))


class ShimBackend(KernelBackend):
    """The .cu kernels on the CPU; ``grid`` (blocks, threads a block) are run one after another."""

    name = "shim"
    xp = np

    def __init__(self, grid: tuple[int, int] = (1, 1), extra_flags: Sequence[str] = ()) -> None:
        self.grid = grid
        self._library = ctypes.CDLL(str(build_shim(extra_flags)))

    def launch(self, kernel: str, size: int, *arguments: Any) -> None:
        """See KernelBackend.launch."""
        blocks, threads = self.grid
        function = getattr(self._library, kernel)
        for place in np.ndindex(blocks, threads):
            self._library.place_thread(place[1], threads, place[0], blocks)
            function(*map(_argument, arguments))
