"""The CUDA backend: CuPy compiles ``kernels/flips.cu`` and runs it. The only place that imports cupy."""

from typing import Any

from nvmsim.errors import InputError
from nvmsim.inject.kernel_backend import KERNEL_FOLDER, KERNEL_NAMES, KernelBackend, sources_hash

THREADS = 256  # a block
OPTIONS = ("-std=c++17", "--fmad=false", f"-I{KERNEL_FOLDER}")  # no fused multiply-add: decode as the CPU does


def import_cupy() -> Any:
    """Return the cupy module; raise InputError that says what is missing: the package, the driver or a device."""
    try:
        import cupy
    except ImportError as error:
        raise InputError(f"backend cuda: CuPy is missing ({error}); install nvmsim[gpu] or use --backend cpu") from None
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise InputError(f"backend cuda: no usable CUDA device ({error}); use --backend cpu") from None
    if not devices:
        raise InputError("backend cuda: no CUDA device is visible; use --backend cpu")
    return cupy


class CudaBackend(KernelBackend):
    """The .cu kernels on the current CUDA device; numpy arrays are copied there and back, cupy arrays are not."""

    name = "cuda"

    def __init__(self) -> None:
        self.xp = import_cupy()
        options = (*OPTIONS, f"-DSOURCES=0x{sources_hash()}")  # CuPy's cache does not see the included files
        module = self.xp.RawModule(code=(KERNEL_FOLDER / "flips.cu").read_text(), options=options)
        self._kernels = {name: module.get_function(name) for name in KERNEL_NAMES}
        device = self.xp.cuda.Device()
        self._most_blocks = 32 * device.attributes["MultiProcessorCount"]

    def launch(self, kernel: str, size: int, *arguments: Any) -> None:
        """See KernelBackend.launch."""
        if size:
            blocks = min(-(-size // THREADS), self._most_blocks)
            self._kernels[kernel]((blocks,), (THREADS,), arguments)
