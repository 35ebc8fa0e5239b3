"""Text as rows of an embedding: which words have a row, and what becomes of the others."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from nvmsim.errors import InputError

# Rows 0 and 1. No word can have these names, because < and > are no part of a word.
PADDING, UNKNOWN = "<padding>", "<unknown>"
# Raise this when words() or encode() comes to give another result: stored results must not outlive their meaning.
FORM = 1
_MOST_ROWS = 1 << 16
_BREAK = re.compile(r"<br\s*/?>")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words(text: str) -> list[str]:
    """Return the words of ``text``: lower-case runs of letters and digits, with apostrophes inside them.

    HTML line breaks and all punctuation are left out.

    >>> words("It's GREAT!<br /><br />10/10, 'must-see'")
    ["it's", 'great', '10', '10', 'must', 'see']
    """
    return _WORD.findall(_BREAK.sub(" ", text.lower().replace("’", "'")))


def rank_words(texts: Iterable[str], rows: int) -> list[str]:
    """Return what each of ``rows`` rows of an embedding stands for: padding, unknown, then words by their frequency.

    Words that are equally frequent are in alphabetical order (of code points).

    >>> rank_words(["b a", "a c b", "d"], rows=5)
    ['<padding>', '<unknown>', 'a', 'b', 'c']
    """
    counts = Counter(word for text in texts for word in words(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return [PADDING, UNKNOWN, *ranked[: rows - 2]]


def words_file(rows: Sequence[str]) -> bytes:
    """Return the content of a words file: UTF-8, one row a line, so that line k (from 0) is row k."""
    return "".join(f"{row}\n" for row in rows).encode()


def parse_words_file(content: bytes) -> dict[str, int]:
    """Return the row of each word of a words file; raise InputError with what is wrong with it.

    >>> parse_words_file(words_file(rank_words(["to be or not to be"], 4)))
    {'<padding>': 0, '<unknown>': 1, 'be': 2, 'to': 3}
    """
    try:
        lines = content.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text ({error})") from error
    if lines[:2] != [PADDING, UNKNOWN] or not 2 < len(lines) <= _MOST_ROWS:
        raise InputError(f"must be {PADDING}, {UNKNOWN}, then a word a line, up to {_MOST_ROWS} lines in all")
    rows = {line: row for row, line in enumerate(lines)}
    problems = [f"line {k + 1}: {line!r}: must be one word, in lower case" for k, line in enumerate(lines)
                if k > 1 and words(line) != [line]]  # fmt: skip
    problems += [f"line {k + 1}: {line!r}: stands here twice" for k, line in enumerate(lines) if rows[line] != k]
    if problems:
        raise InputError(problems[:10])
    return rows


def encode(text: str, rows: Mapping[str, int], length: int) -> np.ndarray:
    """Return uint16 [``length``]: the rows of the last ``length`` words of ``text``, padded in front.

    A word without a row of its own has that of :data:`UNKNOWN`: its place is kept, what it was is lost.

    >>> encode("To be, or not to be", {"<padding>": 0, "<unknown>": 1, "be": 2, "to": 3}, 8).tolist()
    [0, 0, 3, 2, 1, 1, 3, 2]
    """
    last = words(text)[-length:]
    encoded = np.full(length, rows[PADDING], np.uint16)
    encoded[length - len(last) :] = [rows.get(word, rows[UNKNOWN]) for word in last]
    return encoded
