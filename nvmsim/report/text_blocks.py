"""Columns of text side by side, in as many blocks as a terminal's width needs."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TextColumn:
    """A column as lines of equal width: two of heading, then one a row."""

    lines: tuple[str, ...]

    @classmethod
    def of(cls, lines: Sequence[str], *, text: bool = False) -> "TextColumn":
        """Fill up ``lines`` to equal width: on the right if they are ``text``, on the left if numbers."""
        wide = max(map(len, lines))
        return cls(tuple(line.ljust(wide) if text else line.rjust(wide) for line in lines))

    @property
    def width(self) -> int:
        """Letters of a line."""
        return len(self.lines[0])


def tables(named: Sequence[TextColumn], rest: Sequence[TextColumn], width: int) -> list[str]:
    """Return the table, or several at most ``width`` letters wide; each begins with the columns ``named``.

    >>> columns = [TextColumn.of(lines) for lines in (("", "a", "1"), ("", "b", "22"))]
    >>> print(tables([TextColumn.of(("", "row", "x"), text=True)], columns, 40)[0])
    <BLANKLINE>
    row  a   b
    ----------
    x    1  22
    """
    for gap in (2, 1):
        if len(_blocks(named, rest, width, gap)) == 1:
            return [_joined([*named, *rest], gap)]
    count = len(_blocks(named, rest, width, 2))
    even = next(w for w in range(1, width + 1) if len(_blocks(named, rest, w, 2)) <= count)
    return [_joined([*named, *block], 2) for block in _blocks(named, rest, even, 2)]


def _blocks(named: Sequence[TextColumn], rest: Sequence[TextColumn], width: int, gap: int) -> list[list[TextColumn]]:
    """Share out the columns, as many to a block as fit beside the names, at least one."""
    free = width - sum(column.width + gap for column in named)
    blocks: list[list[TextColumn]] = [[]]
    for column in rest:
        if blocks[-1] and sum(c.width + gap for c in blocks[-1]) + column.width > free:
            blocks.append([])
        blocks[-1].append(column)
    return blocks


def _joined(block: Sequence[TextColumn], gap: int) -> str:
    top, names, *rows = ((" " * gap).join(cells).rstrip() for cells in zip(*(c.lines for c in block), strict=True))
    rule = "-" * (sum(c.width + gap for c in block) - gap)
    return "\n".join([top, names, rule, *rows])


def facts(said: Sequence[tuple[str, str]], width: int) -> str:
    """Return (subject, text) pairs as lines, texts under each other; a subject said twice stands once.

    >>> print(facts([("device", "tlc"), ("note", "one"), ("note", "two")], 40))
    device  tlc
    note    one
            two
    """
    wide = max(len(subject) for subject, _ in said) + 2
    shown, previous = [], None
    for subject, text in said:
        label = "" if subject == previous else subject
        shown.append(wrapped(label.ljust(wide), text, width))
        previous = subject
    return "\n".join(shown)


def wrapped(label: str, text: str, width: int) -> str:
    """Return ``text`` behind ``label`` in lines of at most ``width`` letters, all beginning under the first."""
    wrap = textwrap.TextWrapper(
        width=max(width, len(label) + 20),
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_on_hyphens=False,
    )
    return wrap.fill(text)
