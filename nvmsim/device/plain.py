"""YAML text to plain data (dict, list, str, int, float, bool, None), refusing what is ambiguous.

The text is only composed, never constructed, so no tag can run code. Scalars follow YAML 1.2: ``1e-3`` is a
number, ``1:30`` and ``no`` are text, ``010`` is ten.
"""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from nvmsim.errors import InputError

MOST_BYTES = 256 * 1024
MOST_DEEP = 16
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_TYPES = ("null", "bool", "int", "float", "str", "timestamp", "seq", "map", "merge", "value")
_TAGS = {f"tag:yaml.org,2002:{name}" for name in _TYPES}


def number(text: str) -> int | float | None:
    """Read a decimal number, or return None if the text is none.

    >>> number("1e-3"), number("010"), number("2-3-2")
    (0.001, 10, None)
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text) or not text.isascii():
        return None
    whole = text.lstrip("+-").isdigit() and len(text) <= 18
    return int(text) if whole else float(text)


class _Composer(yaml.SafeLoader):
    """A YAML parser without aliases (they can blow up) and without bottomless nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="aliases are not allowed here", problem_mark=self.peek_event().start_mark
            )
        if self.depth > MOST_DEEP:
            raise yaml.MarkedYAMLError(
                problem=f"nested more than {MOST_DEEP} deep", problem_mark=self.peek_event().start_mark
            )
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def parse(text: str) -> tuple[Any, list[str]]:
    """Turn YAML text into plain data, with the list of what is wrong with it (empty: all is well).

    >>> parse("{a: 1e-3, b: [no, 2]}")
    ({'a': 0.001, 'b': ['no', 2]}, [])
    >>> parse("{a: 1, a: 2}")
    ({'a': 1}, ['line 1: a: this key is there twice'])
    """
    problems: list[str] = []
    try:
        composer = _Composer(text)
        node = composer.get_single_node()
    except yaml.MarkedYAMLError as error:
        return None, [_describe(error)]
    except (yaml.YAMLError, ValueError, IndexError, OverflowError) as error:
        return None, [f"not YAML: {' '.join(str(error).split())}"]
    return (_plain(node, problems) if node else None), problems


def read_text(path: Path, label: str) -> str:
    """Read a YAML file as text; raise InputError, naming ``label``, if it cannot be, or is too large for what it is."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{label}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > MOST_BYTES:
        raise InputError(f"{label}: larger than {MOST_BYTES // 1024} KiB: not a profile or a study")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{label}: byte {error.start}: not UTF-8 text") from None


def parse_file(path: Path, label: str) -> Any:
    """Read a YAML file as plain data; raise InputError, naming ``label``, with everything wrong in it."""
    data, problems = parse(read_text(path, label))
    if problems:
        raise InputError([f"{label}: {problem}" for problem in problems])
    return data


def _describe(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line = f"line {mark.line + 1}: " if mark else ""
    tab = "'\\t'" in str(error.problem)
    return f"{line}{'tabs cannot indent YAML, use spaces' if tab else error.problem}"


def _plain(node: yaml.Node, problems: list[str]) -> Any:
    if node.tag not in _TAGS:
        problems.append(f"{_line(node)}{node.tag}: tags are not allowed here")
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, problems) for item in node.value]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, problems: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        value = _plain(value_node, problems)
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(f"{_line(key_node)}a key must be text, not a list or a mapping")
        elif key_node.value in result:
            problems.append(f"{_line(key_node)}{key_node.value[:60]}: this key is there twice")
        else:
            result[key_node.value] = value
    return result


def _scalar(node: yaml.ScalarNode) -> Any:
    if node.style is not None:
        return node.value
    if node.value in _WORDS:
        return _WORDS[node.value]
    as_number = number(node.value)
    return node.value if as_number is None else as_number


def _line(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}: "
