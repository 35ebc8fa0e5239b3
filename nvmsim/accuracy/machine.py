"""On which kind of machine counts were made: equal kinds give equal counts."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

KIND = ("machine", "processor", "instructions", "torch")
_VECTORS = {"avx512f": "AVX512", "avx2": "AVX2", "asimd": "NEON"}


def this_machine() -> dict[str, str]:
    """Return processor, instructions, system and versions of this machine.

    >>> sorted(this_machine())
    ['instructions', 'machine', 'processor', 'python', 'system', 'torch']
    """
    return {
        "machine": platform.machine(),
        "system": platform.platform(),
        "processor": _cpuinfo("model name") or platform.processor(),
        "instructions": _instructions(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def same_kind(a: Mapping[str, object], b: Mapping[str, object]) -> bool:
    """Tell whether two machines, as far as both are known, classify every image alike.

    >>> same_kind({"processor": "A", "torch": "2.6"}, {"processor": "A", "torch": "2.7"})
    False
    """
    shared = [key for key in KIND if key in a and key in b]
    return bool(shared) and all(a[key] == b[key] for key in shared)


def _instructions() -> str:
    flags = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    return next((name for flag, name in _VECTORS.items() if flag in flags), "")


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")
