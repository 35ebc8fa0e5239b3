"""A user's own photographs: both layouts, one size, and no more memory than bytes."""

import os

import numpy as np
import pytest
from data_site import GIVEN_DATA, needs
from PIL import Image
from small_data import write_photos

from nvmsim.errors import InputError
from nvmsim.zoo.datasets import dataset
from nvmsim.zoo.inputs import Photographs
from nvmsim.zoo.photos import read_photo
from nvmsim.zoo.samples import ByteImages

SEEN = Photographs((0.5, 0.4, 0.3), (0.2, 0.25, 0.3), size_px=8)
CATS_DOGS = dataset("cats-dogs")


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("NVMSIM_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cats-dogs"


@pytest.mark.parametrize(("width", "height"), [(8, 8), (16, 16), (40, 8), (8, 21), (33, 10)])
def test_a_photo_is_its_central_square(tmp_path, width, height):
    """A gradient across stays one: the crop's ends and middle are where the square's are."""
    across = np.linspace(0, 255, max(width, height)).round().astype(np.uint8)
    pixels = np.broadcast_to(across[None, :] if width >= height else across[:, None], (height, width))
    Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "x.png")
    found = read_photo(tmp_path / "x.png", 8)
    assert found.shape == (3, 8, 8) and found.dtype == np.uint8 and np.ptp(found, axis=0).max() == 0
    line = found[0, 0] if width >= height else found[0, :, 0]
    side, long = min(width, height), max(width, height)
    centres = (long - side) / 2 + (np.arange(8) + 0.5) * side / 8 - 0.5
    assert np.abs(line[1:-1] - centres[1:-1] * 255 / (long - 1)).max() < 255 / (long - 1) + 1


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_every_kind_of_picture_becomes_rgb(tmp_path, mode):
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    Image.fromarray(np.full((9, 9, 3), 120, np.uint8)).convert(mode).save(path)
    assert np.abs(read_photo(path, 4).astype(int) - 120).max() <= 3


def test_folders_are_read_in_order_and_normalised_where_indexed(folder):
    write_photos(folder.parent, 11)
    (folder / "train/cat/._0.png").write_bytes(b"a Macintosh's own")
    (folder / "train/cat/Thumbs.db").write_bytes(b"no photograph")
    images, labels = CATS_DOGS.load("train", SEEN)
    assert isinstance(images, ByteImages) and images.values.dtype == np.uint8
    assert len(images) == 22 and images.shape == (22, 3, 8, 8) and labels.tolist() == [0] * 11 + [1] * 11
    paths = [folder / "train" / label / f"{k}.png" for label in ("cat", "dog") for k in sorted(map(str, range(11)))]
    order = np.array([21, 3, 7])
    mean, std = (np.array(part)[:, None, None] for part in (SEEN.mean, SEEN.std))
    wanted = [(read_photo(paths[k], 8) / 255 - mean) / std for k in order]
    assert images[order].dtype == np.float32 and np.allclose(images[order], wanted, atol=1e-5)


def test_kaggles_layout_gives_the_last_tenth_of_a_class_to_testing(folder):
    write_photos(folder.parent, 30, flat=True)
    train, test = (CATS_DOGS.files(split) for split in ("train", "test"))
    assert [path.name for path, _ in test] == [f"{label}.{k}.jpg" for label in ("cat", "dog") for k in (27, 28, 29)]
    assert [label for _, label in train] == [0] * 27 + [1] * 27
    assert not {path for path, _ in train} & {path for path, _ in test}
    assert CATS_DOGS.load("test", SEEN).labels.tolist() == [0] * 3 + [1] * 3


def test_the_checksum_is_that_of_names_and_contents(folder):
    write_photos(folder.parent, 2)
    before = {split: CATS_DOGS.sha256(split) for split in ("train", "test")}
    assert before["train"] != before["test"]
    (folder / "test/dog/1.png").rename(folder / "test/dog/9.png")
    assert CATS_DOGS.sha256("train") == before["train"] and CATS_DOGS.sha256("test") != before["test"]
    (folder / "test/dog/9.png").rename(folder / "test/dog/1.png")
    assert CATS_DOGS.sha256("test") == before["test"]
    write_photos(folder.parent, 2, seed=1)
    assert CATS_DOGS.sha256("test") != before["test"]


def test_photos_that_cannot_be_read_are_all_named(folder):
    write_photos(folder.parent, 3)
    whole = (folder / "train/cat/0.png").read_bytes()
    (folder / "train/cat/1.png").write_bytes(whole[: len(whole) // 2])
    (folder / "train/dog/2.png").write_bytes(b"GIF89a" + whole)
    with pytest.raises(InputError) as error:
        CATS_DOGS.load("train", SEEN)
    named = ["train/cat/1.png: not a readable photograph", "train/dog/2.png: not a readable photograph"]
    assert all(part in problem for part, problem in zip(named, error.value.problems, strict=True))


@pytest.mark.parametrize("here", [None, "nothing", "one class"])
def test_without_photos_a_user_learns_where_they_are_and_how_they_lie(folder, monkeypatch, here):
    if here is None:
        monkeypatch.delenv("NVMSIM_DATA")
    elif here == "one class":
        write_photos(folder.parent, 2)
        for path in (folder / "train/dog").iterdir():
            os.unlink(path)
    with pytest.raises(
        InputError, match=r"https://www.kaggle.com/.*DIR/cats-dogs/train/\{cat,dog\}/\*.jpg.*set NVMSIM"
    ):
        CATS_DOGS.load("train", SEEN)


@needs("cats-dogs/test/cat")
def test_given_photos_are_of_both_classes(monkeypatch):
    monkeypatch.setenv("NVMSIM_DATA", GIVEN_DATA)
    files = CATS_DOGS.files("test")
    assert 0.4 < np.mean([label for _, label in files]) < 0.6
    assert {read_photo(path, 224).shape for path, _ in files[:: len(files) // 4]} == {(3, 224, 224)}
