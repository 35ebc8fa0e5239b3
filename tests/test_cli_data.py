"""``nvmsim data``: what is here, fetching what is not, and naming what is damaged."""

import json
from dataclasses import replace

import pytest
from data_site import serve, tar_bytes
from small_data import review_members, small_imdb, write_photos, write_reviews

from nvmsim.cli import main
from nvmsim.resources import bundled
from nvmsim.zoo import datasets
from nvmsim.zoo.datasets import MNIST


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """An empty cache, and a user's folder with photographs."""
    write_photos(tmp_path / "data", 3)
    monkeypatch.setenv("NVMSIM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets, "DATASETS", dict(datasets.DATASETS))
    return tmp_path


@pytest.fixture
def site(here):
    """The reviews and MNIST's labels, published on this machine; yields the folder."""
    with serve(here / "site") as url:
        archive = tar_bytes(*review_members())
        (here / "site/reviews.tar.gz").write_bytes(archive)
        labels = "t10k-labels-idx1-ubyte.gz"
        (here / "site" / labels).write_bytes((bundled("models") / "data/mnist" / labels).read_bytes())
        files = tuple(replace(file, bundled=False) for file in MNIST.source.files)
        small = replace(MNIST, splits={"test": (labels,)}, source=replace(MNIST.source, urls=(url,), files=files))
        datasets.DATASETS |= {"imdb": small_imdb(archive, url), "mnist": small}
        yield here / "site"


def run(capsys, *arguments):
    """Return (exit code, stdout or its JSON, stderr) of one command."""
    code = main(["data", *arguments])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out and "json" in arguments else out, err


def test_list_says_what_is_where(capsys):
    code, found, _ = run(capsys, "list", "--format", "json")
    assert code == 0
    lines = {(line["name"], line["split"]): line for line in found}
    assert lines["mnist", "test"]["where"] == ["bundled"] and lines["mnist", "train"]["where"] == []
    assert lines["cats-dogs", "test"]["where"] == ["NVMSIM_DATA"] and lines["cats-dogs", "test"]["samples"] == 6
    assert lines["cifar-10", "train"]["samples"] == 50_000 and lines["cifar-10", "train"]["bytes"] == 5 * 30_730_000
    assert all(line["terms"] for line in found) and len(found) == 8


def test_the_table_has_the_same_lines(capsys, monkeypatch):
    monkeypatch.delenv("NVMSIM_DATA")
    _, table, _ = run(capsys, "list", "cats-dogs", "mnist", "cats-dogs")
    rows = [line.split() for line in table.splitlines()[1:5]]
    assert rows[0][:6] == ["cats-dogs", "train", "-", "-", "not", "here"]
    assert rows[3][:5] == ["mnist", "test", "10,000", "1.7", "bundled"]


def test_fetch_downloads_once_into_the_cache(capsys, site, here):
    code, found, progress = run(capsys, "fetch", "imdb", "mnist", "--format", "json")
    assert code == 0 and "reviews.tar.gz: 100%" in progress
    cache = here / "cache/nvmsim"
    labels = str(cache / "mnist/t10k-labels-idx1-ubyte.gz")
    assert found == [
        {"name": "imdb", "split": "train", "downloaded": True, "paths": [str(cache / "aclImdb/train")]},
        {"name": "imdb", "split": "test", "downloaded": True, "paths": [str(cache / "aclImdb/test")]},
        {"name": "mnist", "split": "test", "downloaded": True, "paths": [labels]},
    ]
    for path in site.iterdir():
        path.unlink()
    code, found, progress = run(capsys, "fetch", "imdb", "mnist", "--format", "json")
    assert code == 0 and not any(line["downloaded"] for line in found) and not progress


def test_fetch_goes_on_after_a_failure_and_names_it(capsys, site, here):
    (site / "reviews.tar.gz").unlink()
    code, out, err = run(capsys, "fetch", "imdb", "mnist")
    assert code == 2 and not out and "reviews.tar.gz: File not found" in err
    assert (here / "cache/nvmsim/mnist/t10k-labels-idx1-ubyte.gz").exists()


def test_fetch_of_all_leaves_out_what_cannot_be_downloaded(capsys, site, monkeypatch):
    datasets.DATASETS.pop("cifar-10")
    monkeypatch.delenv("NVMSIM_DATA")
    code, table, _ = run(capsys, "fetch")
    assert code == 0 and "cats-dogs" not in table and table.count("downloaded") == 3
    code, _, err = run(capsys, "fetch", "cats-dogs")
    assert code == 2 and "https://www.kaggle.com" in err


def test_fetch_says_how_to_go_on_after_an_interrupt(capsys, site, monkeypatch):
    monkeypatch.setattr("nvmsim.zoo.files.download", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    code, _, err = run(capsys, "fetch", "mnist")
    assert code == 130 and "the same command fetches the rest" in err


def test_verify_passes_what_is_good(capsys, site, here):
    write_reviews(here / "data")
    code, found, _ = run(capsys, "verify", "--format", "json")
    assert code == 0
    lines = {(line["name"], line["split"]): line for line in found}
    assert lines["imdb", "train"]["good"] == [str(here / "data/aclImdb/train")]
    assert lines["cifar-10", "test"] == {"name": "cifar-10", "split": "test", "sha256": None, "good": []}
    assert lines["cats-dogs", "train"]["sha256"] == datasets.data_sha256("cats-dogs", "train")


def test_verify_names_each_damaged_copy(capsys, site, here):
    write_reviews(here / "data")
    assert run(capsys, "fetch", "mnist")[0] == 0
    labels = here / "cache/nvmsim/mnist/t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(labels.read_bytes()[:-1])
    (here / "data/aclImdb/test/pos/0_10.txt").write_text("another")
    photo = here / "data/cats-dogs/train/dog/1.png"
    photo.write_bytes(b"no photograph")
    code, out, err = run(capsys, "verify")
    assert code == 2 and not out
    damaged = [line for line in err.splitlines() if line.startswith("nvmsim: ")]
    assert len(damaged) == 3
    for path, line in zip((labels, here / "data/aclImdb/test", photo), damaged, strict=True):
        assert line.startswith(f"nvmsim: {path}: ")
    assert run(capsys, "verify", "cifar-10")[0] == 0


def test_verify_says_when_a_class_is_missing(capsys, here):
    for path in (here / "data/cats-dogs/test/cat").iterdir():
        path.unlink()
    code, _, err = run(capsys, "verify", "cats-dogs")
    assert code == 2 and "no photographs of cat to test with" in err


def test_an_unknown_name_is_an_error(capsys):
    for action in ("list", "fetch", "verify"):
        code, _, err = run(capsys, action, "mnits")
        assert code == 2 and "known are cats-dogs, cifar-10, imdb, mnist" in err
