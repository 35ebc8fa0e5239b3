"""What a result was computed with."""

import platform
import sys
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Return the versions of nvmsim, of the packages that decide its numbers, and of Python, and the platform."""
    packages = {name: version(name) for name in ("nvmsim", "numpy", "numba", "torch")}
    return {**packages, "python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}"}
