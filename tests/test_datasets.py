"""Data sets: parsing, checksums, where files come from, and that nothing damaged is ever taken."""

import contextlib
import gzip
import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest
from data_site import GIVEN_DATA, needs, serve, tar_bytes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.zoo import datasets
from nvmsim.zoo.archive import Archive
from nvmsim.zoo.cifar import read_cifar
from nvmsim.zoo.files import DataFile, Source, locate
from nvmsim.zoo.idx import parse_idx, read_idx


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("NVMSIM_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4, max_side=5)))
def test_idx_round_trip(array):
    assert np.array_equal(parse_idx(idx_bytes(array)), array)


@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_give_an_array_or_an_input_error(content, looks_right):
    with contextlib.suppress(InputError):
        assert parse_idx(b"\0\0\x08" + content if looks_right else content).dtype == np.uint8


def test_idx_checks_every_cut(tmp_path):
    whole = idx_bytes(np.arange(12, dtype=np.uint8).reshape(3, 4))
    for size in range(len(whole)):
        with pytest.raises(InputError):
            parse_idx(whole[:size])
    packed = gzip.compress(whole)
    for size in (0, 5, len(packed) // 2, len(packed) - 1):
        path = tmp_path / "cut.gz"
        path.write_bytes(packed[:size])
        with pytest.raises(InputError, match=r"cut\.gz"):
            read_idx(path)


def test_bundled_test_set_is_mnist():
    images, labels = datasets.test_set("mnist", mean=[0.1307], std=[0.3081])
    assert images.shape == (10_000, 1, 28, 28) and images.dtype == np.float32
    # Class counts of the published test set; mean and deviation are those of the training set, near enough to 0 and 1.
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert abs(images.mean()) < 0.02 and abs(images.std() - 1) < 0.02
    assert np.isclose(images.min(), -0.1307 / 0.3081) and np.isclose(images.max(), (1 - 0.1307) / 0.3081)


def test_damaged_file_of_the_user_is_an_error_not_replaced(monkeypatch, tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    good = (bundled("models") / "data/mnist/t10k-labels-idx1-ubyte.gz").read_bytes()
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(good[:-10])
    monkeypatch.setenv("NVMSIM_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"4532 bytes.*published are 4542"):
        datasets.test_set("mnist")


def test_unknown_data_set_names_the_known():
    with pytest.raises(InputError, match=r"unknown; known are .*mnist"):
        datasets.test_set("mnits")


@pytest.mark.parametrize("name", ["imdb", "cats-dogs"])
def test_what_only_a_card_can_prepare_is_refused(name):
    with pytest.raises(InputError, match=f"data set {name}: has no images of one size"):
        datasets.train_set(name)


def test_data_sha256_depends_on_the_split():
    assert datasets.data_sha256("mnist") != datasets.data_sha256("mnist", "train")


@pytest.fixture
def site(tmp_path):
    """Serve a folder on this machine; yields (folder, address)."""
    with serve(tmp_path / "site") as url:
        yield tmp_path / "site", url


CONTENT = b"published content"


def source(*urls: str) -> Source:
    file = DataFile("file.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    return Source("some", (file,), urls)


def test_download_is_verified_and_kept(site, tmp_path):
    folder, url = site
    (folder / "file.gz").write_bytes(CONTENT)
    path = locate(source(url + "nowhere/", url), "file.gz")
    assert path == tmp_path / "cache/nvmsim/some/file.gz" and path.read_bytes() == CONTENT
    (folder / "file.gz").unlink()
    assert locate(source(url), "file.gz") == path


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"!", b"x" * len(CONTENT), b""])
def test_wrong_download_is_refused_and_not_kept(site, tmp_path, content):
    folder, url = site
    (folder / "file.gz").write_bytes(content)
    with pytest.raises(InputError, match="damaged or not the published file"):
        locate(source(url), "file.gz")
    assert not list((tmp_path / "cache").rglob("*gz*"))


def test_offline_says_what_to_set():
    with pytest.raises(InputError, match="NVMSIM_DATA=DIR") as error:
        locate(source("http://127.0.0.1:9/", "http://127.0.0.1:10/"), "file.gz")
    assert len(error.value.problems) == 3


def test_damaged_cache_is_an_error(tmp_path):
    path = tmp_path / "cache/nvmsim/some/file.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:4])
    with pytest.raises(InputError, match=r"cache/nvmsim/some/file\.gz"):
        locate(source(), "file.gz")


def archived(archive: bytes, url: str, **changes) -> Source:
    """Two published files in an archive at ``url``, as CIFAR-10's lie."""
    files = tuple(DataFile(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in PARTS.items())
    about = Archive("all.tar.gz", len(archive), hashlib.md5(archive).hexdigest())
    return replace(Source("some", files, (url,), about), **changes)


PARTS = {"a.bin": b"first", "b.bin": b"second"}
PACKED = tuple((f"some/{name}", content) for name, content in PARTS.items())


def test_an_archive_is_unpacked_into_the_cache_and_needed_once(site, tmp_path):
    folder, url = site
    archive = tar_bytes(("some/readme.html", b"x" * 10**6), *PACKED, ("../b.bin", b"evil"), ("/etc/a.bin", b"evil"))
    (folder / "all.tar.gz").write_bytes(archive)
    assert locate(archived(archive, url), "b.bin").read_bytes() == b"second"
    (folder / "all.tar.gz").unlink()
    assert locate(archived(archive, url), "a.bin") == tmp_path / "cache/nvmsim/some/a.bin"
    kept = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(kept) == ["a.bin", "b.bin"]


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (tar_bytes(*PACKED)[:-30], "cannot be unpacked"),
        (b"no archive", "cannot be unpacked"),
        (tar_bytes(PACKED[0], ("some/b.bin", b"x" * 100)), "100 bytes; at most 6"),
        (tar_bytes(PACKED[0], ("some/b.bin", b"sEcond")), "some/b.bin: damaged or not the published file"),
        (tar_bytes(*PACKED, link="/etc/passwd"), "some/b.bin: not in it"),
        (tar_bytes(PACKED[0]), "some/b.bin: not in it"),
    ],
    ids=["cut", "none", "large", "changed", "link", "missing"],  # bytes hold the time, and would be names otherwise
)
def test_a_bad_archive_is_an_error_and_nothing_wrong_is_kept(site, tmp_path, archive, said):
    folder, url = site
    (folder / "all.tar.gz").write_bytes(archive)
    with pytest.raises(InputError, match=said):
        locate(archived(archive, url), "b.bin")
    kept = {path.name: path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert kept.items() <= PARTS.items() and "b.bin" not in kept


def test_an_archive_with_another_md5_is_not_unpacked(site, tmp_path):
    folder, url = site
    (folder / "all.tar.gz").write_bytes(tar_bytes(*PACKED))
    with pytest.raises(InputError, match=r"all\.tar\.gz: damaged or not the published file.*with md5"):
        locate(archived(tar_bytes(*PACKED[:1]), url), "b.bin")
    assert not list((tmp_path / "cache").rglob("*.bin"))


def cifar_bytes(labels, pixels) -> bytes:
    return np.concatenate([np.asarray(labels, np.uint8)[:, None], pixels.reshape(len(labels), -1)], axis=1).tobytes()


@given(st.lists(st.integers(0, 9), min_size=2, max_size=6), st.integers(0, 2**32 - 1))
def test_cifar_round_trip_keeps_the_order_of_the_files(tmp_path_factory, labels, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 3, 32, 32), np.uint8)
    folder = tmp_path_factory.mktemp("cifar")
    paths = [folder / "1.bin", folder / "2.bin"]
    paths[0].write_bytes(cifar_bytes(labels[:1], pixels[:1]))
    paths[1].write_bytes(cifar_bytes(labels[1:], pixels[1:]))
    found_pixels, found_labels = read_cifar(paths)
    assert found_labels.tolist() == labels and np.array_equal(found_pixels, pixels)


@pytest.mark.parametrize(
    ("content", "said"), [(b"\0" * 3072, "not whole records"), (b"\x0a" + b"\0" * 3072, "label 10")]
)
def test_a_wrong_cifar_file_is_named(tmp_path, content, said):
    path = tmp_path / "bad.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"bad\.bin: .*{said}"):
        read_cifar([path])


@needs("cifar-10-batches-bin/test_batch.bin")
def test_cifar_10_is_the_published_one(monkeypatch):
    monkeypatch.setenv("NVMSIM_DATA", GIVEN_DATA)
    images, labels = datasets.test_set("cifar-10", mean=[0.4914, 0.4822, 0.4465], std=[0.2470, 0.2435, 0.2616])
    assert images.shape == (10_000, 3, 32, 32) and images.dtype == np.float32 and labels.dtype == np.int64
    # From the publishers' page: exactly 1000 test images a class; the test set's first image is a cat (3).
    assert np.bincount(labels).tolist() == [1000] * 10 and labels[0] == 3
    assert np.abs(images.mean(axis=(0, 2, 3))).max() < 0.05 and np.abs(images.std(axis=(0, 2, 3)) - 1).max() < 0.05
