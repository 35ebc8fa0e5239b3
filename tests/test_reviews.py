"""Reviews: found, downloaded and verified as a tree, and prepared once for every process."""

import hashlib
import os

import numpy as np
import pytest
from data_site import GIVEN_DATA, needs, serve, tar_bytes
from small_data import REVIEWS, review_members, small_imdb, write_reviews, write_words

from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.zoo.datasets import IMDB
from nvmsim.zoo.inputs import Text


@pytest.fixture(autouse=True)
def data(monkeypatch, tmp_path):
    """A user's folder with the reviews, and an empty cache."""
    write_reviews(tmp_path / "data")
    monkeypatch.setenv("NVMSIM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data/aclImdb"


@pytest.fixture
def seen(tmp_path):
    return Text.from_card(write_words(tmp_path / "card", rows=5), tmp_path / "card")


def cached(tmp_path):
    return list((tmp_path / "cache").rglob("*.npy"))


def test_reviews_become_rows_in_the_order_of_class_and_name(seen):
    images, labels = small_imdb().load("train", seen)
    assert images.dtype == labels.dtype == np.int64
    # Rows: 2 good (5 times), 3 a (4), 4 bad (3; film, as frequent, comes later in the alphabet and has none).
    assert seen.rows() == {"<padding>": 0, "<unknown>": 1, "good": 2, "a": 3, "bad": 4}
    assert images.tolist() == [[0, 0, 3, 4, 4, 1], [0, 0, 0, 0, 4, 1], [0, 0, 1, 3, 2, 1],
                               [0, 3, 2, 1, 2, 2], [0, 0, 1, 3, 2, 1]]  # fmt: skip
    assert labels.tolist() == [0, 0, 0, 1, 1]


def test_an_empty_review_is_all_padding(seen):
    images, labels = small_imdb().load("test", seen)
    assert images[2].tolist() == [0] * 6 and labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize("harm", ["changed", "removed", "added", "renamed", "other class"])
def test_damaged_reviews_of_the_user_are_an_error(data, seen, harm):
    path = data / "train/pos/0_9.txt"
    if harm == "changed":
        path.write_text(path.read_text().replace("good", "fine"))
    elif harm == "added":
        (data / "train/pos/7_7.txt").write_text("one more")
    elif harm == "removed":
        path.unlink()
    else:
        path.rename(data / "train" / ("pos/0_8.txt" if harm == "renamed" else "neg/1_1.txt"))
    with pytest.raises(InputError, match=r"aclImdb/train: damaged or not the published reviews: \d files.*are 5 files"):
        small_imdb().load("train", seen)
    assert small_imdb().load("test", seen).labels.size == 3


def test_prepared_reviews_are_kept_and_need_no_reviews(data, seen, tmp_path):
    first = small_imdb().load("train", seen)
    assert len(cached(tmp_path)) == 1
    for path in data.rglob("*.txt"):
        path.unlink()
    again = small_imdb().load("train", seen)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("position", [0, 20, 140, -40, -1])
@pytest.mark.parametrize("cut", [False, True])
def test_a_damaged_cache_is_built_again(seen, tmp_path, position, cut):
    first = small_imdb().load("train", seen)
    (path,) = cached(tmp_path)
    good = path.read_bytes()
    bad = bytearray(good)
    bad[position] ^= 1
    path.write_bytes(bad[:position] if cut else bad)
    again = small_imdb().load("train", seen)
    assert np.array_equal(first.images, again.images) and path.read_bytes() == good


def test_what_decides_the_rows_decides_the_cache(seen, tmp_path):
    longer = Text(seen.words, seen.words_sha256, 9)
    assert small_imdb().load("train", seen).images.shape == (5, 6)
    assert small_imdb().load("train", longer).images.shape == (5, 9)
    other = Text.from_card(write_words(tmp_path / "other", rows=4), tmp_path / "other")
    assert small_imdb().load("train", other).images.max() == 3
    assert len(cached(tmp_path)) == 3


def test_an_unwritable_cache_only_costs_time(seen, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert small_imdb().load("train", seen).labels.size == 5


def test_a_words_file_that_changed_is_an_error(seen):
    seen.words.write_text(seen.words.read_text().replace("bad", "dull"))
    with pytest.raises(InputError, match=r"words\.txt: has sha256 .*its card says"):
        small_imdb().load("train", seen)


def test_reviews_are_downloaded_once_without_what_is_not_wanted(seen, tmp_path, monkeypatch):
    monkeypatch.delenv("NVMSIM_DATA")
    evil = [("aclImdb/train/pos/../../../../1_1.txt", b"evil"), ("/aclImdb/train/pos/1_1.txt", b"evil"),
            ("aclImdb/train/pos/1_1.html", b"evil")]  # fmt: skip
    archive = tar_bytes(*review_members(), *evil)
    with serve(tmp_path / "site") as url:
        (tmp_path / "site/reviews.tar.gz").write_bytes(archive)
        assert small_imdb(archive, url).load("test", seen).labels.size == 3
    assert small_imdb(archive).load("train", seen).labels.size == 5
    inside = tmp_path / "cache/nvmsim"
    kept = {path.relative_to(inside).as_posix() for path in inside.rglob("*.txt")}
    assert kept == {f"aclImdb/{split}/{name}" for split in REVIEWS for name in REVIEWS[split]}
    assert sorted(os.listdir(inside)) == ["aclImdb", "prepared"]


@pytest.mark.parametrize("change", [lambda m: m[:-1], lambda m: [*m, ("aclImdb/test/neg/7_7.txt", b"new")]])
def test_another_archive_leaves_nothing(seen, tmp_path, monkeypatch, change):
    monkeypatch.delenv("NVMSIM_DATA")
    archive = tar_bytes(*change(review_members()))
    with serve(tmp_path / "site") as url:
        (tmp_path / "site/reviews.tar.gz").write_bytes(archive)
        with pytest.raises(InputError, match="damaged or not the published reviews"):
            small_imdb(archive, url).load("test", seen)
        with pytest.raises(InputError, match=r"damaged or not the published file.*md5"):
            small_imdb(b"another", url).load("test", seen)
    assert not list((tmp_path / "cache").rglob("test"))
    assert not list((tmp_path / "cache").rglob(".aclImdb*"))


def test_offline_says_what_to_do(seen, monkeypatch):
    monkeypatch.delenv("NVMSIM_DATA")
    with pytest.raises(InputError, match=r"so that DIR/aclImdb is there, and set NVMSIM_DATA=DIR"):
        small_imdb(b"x", "http://127.0.0.1:9/").load("test", seen)


def test_a_words_file_is_written_once(tmp_path):
    small_imdb().write_words(tmp_path / "words.txt", rows=4)
    assert (tmp_path / "words.txt").read_text() == "<padding>\n<unknown>\ngood\na\n"
    with pytest.raises(InputError, match="exists"):
        small_imdb().write_words(tmp_path / "words.txt", rows=4)


@pytest.mark.slow
@needs("aclImdb/train/neg")
def test_imdb_is_the_published_one(tmp_path, monkeypatch):
    monkeypatch.setenv("NVMSIM_DATA", GIVEN_DATA)
    IMDB.write_words(tmp_path / "words.txt")
    content = (tmp_path / "words.txt").read_bytes()
    assert content == (bundled("models") / "imdb-lstm/words.txt").read_bytes()
    assert content.count(b"\n") == 5000 and content.split()[2:7] == [b"the", b"and", b"a", b"of", b"to"]
    images, labels = IMDB.load("test", Text(tmp_path / "words.txt", hashlib.sha256(content).hexdigest(), 500))
    assert images.shape == (25_000, 500) and np.bincount(labels).tolist() == [12_500, 12_500]
    assert images.max() == 4999
