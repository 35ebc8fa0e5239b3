"""One register for encodings, protections, error models, ECCs and networks.

Built-ins and other packages register alike: by an entry point in the group ``nvmsim.KIND``
(see ``pyproject.toml``), or from Python with :func:`register`.
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from nvmsim.errors import InputError

KINDS = ("encoding", "protection", "error_model", "ecc", "network")
_registered: dict[tuple[str, str], Any] = {}


@cache
def _installed(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"nvmsim.{kind}")}


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(f"plug-in kind {kind!r}: must be one of {', '.join(KINDS)}")


def register(kind: str, name: str, plugin: Callable[..., Any]) -> None:
    """Make ``plugin`` known as ``name`` among the plug-ins of ``kind``, in this process and its workers.

    Raises InputError on an unknown kind or a name that is taken by something else.
    """
    _check_kind(kind)
    if name in _installed(kind) or _registered.get((kind, name), plugin) is not plugin:
        raise InputError(f"{kind} {name!r}: this name is taken")
    _registered[kind, name] = plugin


def names(kind: str) -> list[str]:
    """List the names known for ``kind``, sorted.

    >>> "binary" in names("encoding")
    True
    """
    _check_kind(kind)
    return sorted({*_installed(kind), *(name for k, name in _registered if k == kind)})


def lookup(kind: str, name: str) -> Any:
    """Return the plug-in ``name`` of ``kind``; raise InputError with the known names if there is none."""
    if (kind, name) in _registered:
        return _registered[kind, name]
    if name in _installed(kind):
        return _installed(kind)[name].load()
    raise InputError(f"{kind} {name!r}: unknown; known are {', '.join(names(kind))}")


def registered() -> dict[tuple[str, str], Any]:
    """Return what was registered from Python, for handing to worker processes."""
    return dict(_registered)


def adopt(table: dict[tuple[str, str], Any]) -> None:
    """Take over what another process registered."""
    _registered.update(table)
