"""Help with mistyped names."""

from collections.abc import Iterable
from difflib import get_close_matches


def near(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like ``name``, or None if none is like it.

    >>> near("chanels", ["channels", "dies"])
    'channels'
    """
    found = get_close_matches(name[:100], list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def or_near(name: str, known: Iterable[str]) -> str:
    """Say which name was probably meant, and which are known.

    >>> or_near("wron", ["fresh", "worn"])
    'unknown, did you mean worn? Known are fresh, worn'
    >>> or_near("xyz", ["fresh", "worn"])
    'unknown; known are fresh, worn'
    """
    known = list(known)
    match = near(name, known)
    start = f"unknown, did you mean {match}? Known" if match else "unknown; known"
    return f"{start} are {', '.join(known)}"
