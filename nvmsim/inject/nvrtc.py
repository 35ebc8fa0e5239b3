"""Compile the kernels for any GPU by NVRTC, which needs neither a GPU nor a driver."""

import ctypes
from importlib.util import find_spec
from pathlib import Path

from nvmsim.errors import InputError
from nvmsim.inject.kernel_backend import KERNEL_FOLDER

ARCHITECTURES = (70, 80, 90, 100)  # Volta, Ampere, Hopper, Blackwell


def load_nvrtc() -> ctypes.CDLL:
    """Return the NVRTC library of the ``nvidia-cuda-nvrtc-cu12`` package; raise InputError where it is missing."""
    try:
        spec = find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        spec = None
    folders = [Path(place) / "lib" for place in (spec.submodule_search_locations or ())] if spec else []
    for library in (path for folder in folders for path in sorted(folder.glob("libnvrtc.so.*"))):
        return ctypes.CDLL(str(library))
    raise InputError("NVRTC is missing; install nvidia-cuda-nvrtc-cu12")


def _text(library: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(max(size.value, 1))
    getattr(library, f"nvrtcGet{what}")(program, buffer)
    return buffer.raw


def compile_kernels(architecture: int, source: str | None = None) -> bytes:
    """Compile ``source`` (default: ``kernels/flips.cu``) for sm_<architecture> and return the binary (ELF).

    Raises InputError with the compiler's log if it does not compile.
    """
    library, program = load_nvrtc(), ctypes.c_void_p()
    text = (KERNEL_FOLDER / "flips.cu").read_text() if source is None else source
    options = [f"--gpu-architecture=sm_{architecture}", "-std=c++17", "--fmad=false", f"-I{KERNEL_FOLDER}"]
    given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"flips.cu", 0, None, None)
    try:
        if library.nvrtcCompileProgram(program, len(options), given):
            log = _text(library, program, "ProgramLog").rstrip(b"\0").decode()
            raise InputError(f"flips.cu: sm_{architecture}:\n{log}")
        return _text(library, program, "CUBIN")
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))
