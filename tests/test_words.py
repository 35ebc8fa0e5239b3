"""Text as rows of an embedding: which words there are, how they are ranked, and how a review is cut and padded."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.errors import InputError
from nvmsim.zoo.words import PADDING, UNKNOWN, encode, parse_words_file, rank_words, words, words_file

# Two scripts, a letter without a single capital, a capital that becomes two characters in lower case, digits.
TRICKY = st.text(alphabet="aAbÉßИİ²5_'’-.,!<>/ \n\x85") | st.sampled_from(["<br />", "<br/>", "<BR>", "don't", "''"])
TEXTS = st.lists(TRICKY, max_size=12).map("".join) | st.text(max_size=60)
FEW = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), max_size=30).map(" ".join)


def words_by_hand(text: str) -> list[str]:
    """Do without a pattern for words: whatever is no letter, digit or apostrophe parts; then peel apostrophes."""
    text = text.lower().replace("’", "'")
    for tag in ("<br", "<br "):
        for end in (">", "/>"):
            text = text.replace(tag + end, " ")
    pieces = "".join(c if c.isalnum() or c == "'" else " " for c in text).split()
    return [word for piece in pieces for word in re.split("'{2,}", piece.strip("'")) if word]


@given(TEXTS)
def test_words_are_those_found_by_hand(text):
    if not re.search(r"<br\s{2,}|<br[^ >/]", text.lower()):
        assert words(text) == words_by_hand(text)


@given(TEXTS)
def test_a_word_is_itself_and_never_a_reserved_name(text):
    for word in words(text):
        assert words(word) == [word] and word not in (PADDING, UNKNOWN)
    assert words(" ".join(words(text))) == words(text)


@given(st.lists(FEW, max_size=6), st.integers(2, 9), st.randoms())
def test_ranking_counts_and_breaks_ties_by_the_alphabet(texts, rows, random):
    ranked = rank_words(texts, rows)
    counts = Counter(" ".join(texts).split())
    assert ranked[:2] == [PADDING, UNKNOWN] and len(ranked) == min(rows, 2 + len(counts))
    keys = [(-counts[word], word) for word in ranked[2:]]
    assert keys == sorted((-n, word) for word, n in counts.items())[: len(keys)]
    random.shuffle(texts)
    assert rank_words(texts, rows) == ranked


@given(st.lists(FEW, min_size=1, max_size=4), FEW, st.integers(1, 40), st.integers(3, 9))
def test_encoding_keeps_the_last_words_and_pads_in_front(texts, text, length, rows):
    ranked = rank_words(texts, rows)
    encoded = encode(text, {word: row for row, word in enumerate(ranked)}, length)
    kept = text.split()[-length:]
    assert encoded.dtype == np.uint16 and encoded.shape == (length,)
    assert not encoded[: length - len(kept)].any()
    for row, word in zip(encoded[length - len(kept) :], kept, strict=True):
        assert ranked[row] == (word if word in ranked else UNKNOWN)


@given(st.lists(TEXTS, max_size=5), st.integers(3, 50))
def test_a_words_file_gives_its_rows_back(texts, rows):
    ranked = rank_words([*texts, "one"], rows)
    assert parse_words_file(words_file(ranked)) == {word: row for row, word in enumerate(ranked)}


@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_give_rows_or_an_input_error(content, looks_right):
    try:
        rows = parse_words_file(words_file([PADDING, UNKNOWN]) + content if looks_right else content)
    except InputError as error:
        assert error.problems
    else:
        assert list(rows)[:2] == [PADDING, UNKNOWN] and list(rows.values()) == list(range(len(rows)))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["the", "and"], "must be <padding>, <unknown>, then a word a line"),
        ([PADDING, UNKNOWN], "then a word a line"),
        ([PADDING, UNKNOWN, "The"], "line 3: 'The': must be one word, in lower case"),
        ([PADDING, UNKNOWN, "a", "two words"], "line 4: 'two words': must be one word"),
        ([PADDING, UNKNOWN, "a", ""], "line 4: '': must be one word"),
        ([PADDING, UNKNOWN, "a", "b", "a"], "line 3: 'a': stands here twice"),
        ([PADDING, UNKNOWN, *map(str, range(65_535))], "up to 65536 lines"),
    ],
)
def test_a_wrong_words_file_says_where(lines, said):
    with pytest.raises(InputError, match=said):
        parse_words_file(words_file(lines))
