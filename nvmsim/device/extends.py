"""A profile that extends another one: what it says itself stands in place of what the other says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nvmsim.device.check import OTHERS, shown
from nvmsim.device.parts import UNSOURCED
from nvmsim.device.plain import parse_file
from nvmsim.device.sections import EVERY_MODEL, OF_A_QUEUE, SECTIONS
from nvmsim.device.variants import KEY as VARIANTS
from nvmsim.device.variants import MARK, chosen
from nvmsim.errors import InputError

KEY = "extends"
MOST_DEEP = 8
KINDS = {"rber": "model", "host": "link"}  # another one of these replaces its section, but for what any kind may have
ANY_KIND = {"rber": tuple(EVERY_MODEL), "host": OF_A_QUEUE}


def whole_profile(
    path: Path, label: str, find: Callable[[str, Path], tuple[Path, str | None]], seen: Sequence[Path] = ()
) -> Any:
    """Return the plain data of a profile file with all that it extends filled in.

    ``find`` turns a name or path, seen from a folder, into a file and the variant of it that is meant, if any; variants
    themselves are not handed on, they are about the other's numbers. A mapping is merged key by key, any other value is
    replaced; another ``rber.model`` or ``host.link`` replaces its section but for what any kind has (`of_any_kind`),
    ``null`` takes a condition, soft reads, a variation or stuck cells away. A value of its own takes its own source, or
    that of none: the other's source was about another number. Raises InputError on a profile that cannot be read, is no
    mapping, or extends itself.
    """
    data = parse_file(path, label)
    if not isinstance(data, dict) or KEY not in data:
        return data
    where, own = data[KEY], {key: value for key, value in data.items() if key != KEY}
    if not isinstance(where, str) or not where:
        raise InputError(f"{label}: {KEY}: {shown(where)}: must be the name or the path of a profile, such as tlc")
    try:
        base_path, variant = find(where, path.parent)
    except InputError as error:
        raise InputError([f"{label}: {KEY}: {problem}" for problem in error.problems]) from None
    chain = (*seen, path.resolve())
    if base_path.resolve() in chain or len(chain) > MOST_DEEP:
        raise InputError(f"{label}: {KEY}: {where}: extends itself, or more than {MOST_DEEP} others in a row")
    base = whole_profile(base_path, str(base_path), find, chain)
    if not isinstance(base, dict):
        raise InputError(f"{label}: {KEY}: {where}: is no profile, it holds {shown(base)}")
    return merged(varied(base, variant, label=f"{label}: {KEY}: {where}", stem=base_path.stem), own, label)


def varied(data: Mapping[str, Any], variant: str | None, *, label: str, stem: str) -> dict[str, Any]:
    """Return the plain data of one variant of a profile, None for the profile itself; ``label`` names it in problems.

    ``stem`` is the name of a profile that states none. Raises InputError if there is no such variant.

    >>> data = {"name": "mine", "ecc": {"t": 40}, "variants": {"worst": {"ecc": {"t": 24, "source": "a sheet"}}}}
    >>> varied(data, "worst", label="mine.yaml@worst", stem="mine")
    {'ecc': {'t': 24, 'source': {'t': 'a sheet'}}, 'name': 'mine@worst'}
    """
    rest = {key: value for key, value in data.items() if key != VARIANTS}
    if variant is None:
        return rest
    changes = chosen(data, variant, label)
    return merged(rest, changes, label) | {"name": f"{data.get('name', stem)}{MARK}{variant}"}


def merged(base: Mapping[str, Any], own: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Return ``base`` with what ``own`` says in its place; ``label`` names the file of ``own`` in sources.

    >>> base = {"ecc": {"code": "bch", "t": 40, "source": {"t": "a datasheet"}}, "name": "mlc"}
    >>> merged(base, {"ecc": {"t": 8}}, "mine.yaml")["ecc"]
    {'code': 'bch', 't': 8, 'source': {'t': 'given without a source in mine.yaml'}}
    """
    found = {key: value for key, value in base.items() if key != "name"}
    for key, value in own.items():
        inner = base.get(key)
        found[key] = _section(key, inner, value, label) if _both(inner, value) else value
    return found


def _section(path: str, base: Mapping[str, Any], own: Mapping[str, Any], label: str) -> dict[str, Any]:
    kind = KINDS.get(path)
    if kind and own.get(kind, base.get(kind)) != base.get(kind):
        base = of_any_kind(path, base)
        if not base:
            return dict(own)
    found = {key: value for key, value in base.items() if key != "source"}
    for key, value in own.items():
        inner = base.get(key)
        if key == "source":
            continue
        if _is_section(f"{path}.{key}") and _both(inner, value):
            found[key] = _section(f"{path}.{key}", inner, value, label)
        elif path == "conditions" and value is None:
            found.pop(key, None)
        else:
            found[key] = value
    return found | _sources(path, base, own, label)


def of_any_kind(path: str, section: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stays of a section, with its sources, where the section becomes another kind.

    >>> of_any_kind("host", {"lanes": 4, "queue_depth": 8, "source": {"lanes": "a", "queue_depth": "b"}})
    {'queue_depth': 8, 'source': {'queue_depth': 'b'}}
    """
    kept = {key: section[key] for key in ANY_KIND[path] if key in section}
    texts = {name: text for name, text in _texts(section).items() if name.partition(".")[0] in (*kept, OTHERS)}
    return kept | {"source": texts} if kept else {}


def _sources(path: str, base: Mapping[str, Any], own: Mapping[str, Any], label: str) -> dict[str, Any]:
    texts, new = _texts(base), _texts(own)
    rest = new.pop(OTHERS, f"{UNSOURCED} {label}")
    for key in own:
        if key != "source" and not _is_section(f"{path}.{key}"):
            texts = {name: text for name, text in texts.items() if name.partition(".")[0] != key} | {key: rest}
    return {"source": texts | new} if texts or new else {}


def _texts(section: Mapping[str, Any]) -> dict[str, Any]:
    given = section.get("source")
    if given is None:
        return {}
    return dict(given) if isinstance(given, dict) else {OTHERS: given}


def _is_section(path: str) -> bool:
    return path in SECTIONS or (path.startswith("conditions.") and path.count(".") == 1)


def _both(base: object, own: object) -> bool:
    return isinstance(base, Mapping) and isinstance(own, Mapping)
