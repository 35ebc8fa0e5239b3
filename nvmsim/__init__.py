"""Neural networks stored in noisy non-volatile memory: throughput gained by dropping ECC against accuracy lost.

>>> import nvmsim
>>> nvmsim.load_device("tlc").cell.bits
3
"""

from importlib import import_module
from typing import Any

# Names are loaded on first use, so that `import nvmsim` needs none of the heavy packages.
_HOMES = {
    "Condition": "nvmsim.device.profile",
    "Device": "nvmsim.device.profile",
    "Ecc": "nvmsim.device.ecc",
    "Encoding": "nvmsim.encoding.base",
    "ErrorModel": "nvmsim.device.rber",
    "InputError": "nvmsim.errors",
    "Model": "nvmsim.zoo.model",
    "Range": "nvmsim.encoding.base",
    "Rates": "nvmsim.device.rber",
    "Result": "nvmsim.study.tradeoff",
    "d_ave_k": "nvmsim.encoding.distortion",
    "d_max_k": "nvmsim.encoding.distortion",
    "device_rates": "nvmsim.device.rber",
    "load_card": "nvmsim.zoo.card",
    "load_device": "nvmsim.device.profile",
    "make_encoding": "nvmsim.encoding.spec",
    "read_timing": "nvmsim.timing.read_path",
    "register": "nvmsim.plugins",
    "robustness": "nvmsim.study.robustness",
    "run": "nvmsim.study.run",
    "sensitivity": "nvmsim.study.sensitivity",
    "write_report": "nvmsim.report.files",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nvmsim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
