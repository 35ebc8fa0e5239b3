"""Data sets: parsing, checksums, where files come from, and that nothing damaged is ever taken."""

import contextlib
import gzip
import hashlib
import struct
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nvmsim.errors import InputError
from nvmsim.resources import bundled
from nvmsim.zoo import datasets
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
    with pytest.raises(InputError, match="unknown; known are mnist"):
        datasets.test_set("mnits")


def test_data_sha256_depends_on_the_split():
    assert datasets.data_sha256("mnist") != datasets.data_sha256("mnist", "train")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path):
    """Serve a folder on this machine; yields (folder, address)."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


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
