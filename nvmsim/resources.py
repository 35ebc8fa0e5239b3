"""Where the bundled profiles, models and studies lie: in the wheel, or at the top of a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def bundled(folder: str) -> Path:
    """Return the folder ``devices``, ``models`` or ``configs`` that came with this nvmsim.

    >>> bundled("devices").name
    'devices'
    """
    carried = _PACKAGE / "_bundled" / folder
    return carried if carried.is_dir() else _PACKAGE.parent / folder
