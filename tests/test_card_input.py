"""What a card says about its input: checked at once, part of the task's identity, and enough to get the samples."""

import copy
import hashlib
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from small_data import Averaged, small_imdb, write_card, write_photos, write_reviews, write_words

from nvmsim import plugins
from nvmsim.errors import InputError
from nvmsim.zoo import datasets
from nvmsim.zoo.card import load_card
from nvmsim.zoo.inputs import Photographs, Pixels, Text
from nvmsim.zoo.model import Model
from nvmsim.zoo.network import Network

PHOTOS = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2], "size_px": 8}


def build():
    return Averaged(rows=5)


@pytest.fixture(autouse=True)
def sets(monkeypatch, tmp_path):
    monkeypatch.setenv("NVMSIM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets, "DATASETS", datasets.DATASETS | {"imdb": small_imdb()})
    plugins.register("network", "averaged", build)
    write_reviews(tmp_path / "data")
    write_photos(tmp_path / "data", 4)


def text_card(tmp_path, **changes):
    torch.manual_seed(1)
    seen = write_words(tmp_path / "text", rows=5) | changes
    return write_card(tmp_path / "text", build(), dataset="imdb", network="averaged", seen=seen)


def photo_card(tmp_path, **changes):
    return write_card(tmp_path / "photo", build(), dataset="cats-dogs", network="averaged", seen=PHOTOS | changes)


def test_the_bundled_networks_task_is_the_one_it_was():
    """Stored trials belong to this checksum."""
    assert load_card("mnist-cnn").data_sha256 == "68a5c39b84775d8541af492e883d61e0412221e8c7c68cd7bc1086e2539f79ad"


def test_samples_of_a_card_are_those_of_its_data_set():
    card = load_card("mnist-cnn")
    wanted = datasets.test_set("mnist", mean=card.mean, std=card.std)
    assert all(np.array_equal(a, b) for a, b in zip(card.test_set(), wanted, strict=True))


def test_a_text_cards_network_reads_rows(tmp_path):
    card = load_card(text_card(tmp_path))
    images, labels = card.test_set()
    assert images.shape == (3, 6) and card.train_set(raw=True).images.shape == (5, 6)
    module = build()
    module.load_state_dict({t.name: torch.from_numpy(card.weights[t.start : t.start + t.size].reshape(t.shape).copy())
                            for t in card.tensors})  # fmt: skip
    with torch.inference_mode():
        right = (module(torch.from_numpy(images)).argmax(1).numpy() == labels).sum()
    assert Network(card).correct(0, np.arange(3)) == right


def test_a_photo_cards_network_sees_normalised_photos(tmp_path):
    card = load_card(photo_card(tmp_path))
    raw, seen = card.train_set(raw=True).images, card.train_set().images
    assert raw.shape == seen.shape == (8, 3, 8, 8) and raw[:].min() >= 0 and raw[:].max() <= 1
    mean, std = (np.array(part, np.float32)[:, None, None] for part in (card.mean, card.std))
    assert np.array_equal(seen[2:4], (raw[2:4] - mean) / std)
    network = Network(card)
    model = Model("same", network._module, card.test_set().images, card.test_set().labels)
    order = np.random.default_rng(0).permutation(8)
    assert network.correct(0, order) == Network(model).correct(0, order) <= 8


def test_the_identity_has_everything_that_decides_what_is_seen(tmp_path):
    text, photo = load_card(text_card(tmp_path)), load_card(photo_card(tmp_path))
    others = [replace(text, input=replace(text.input, length=7)),
              replace(text, input=replace(text.input, words_sha256="0")),
              replace(photo, input=replace(photo.input, size_px=9)),
              replace(photo, input=replace(photo.input, mean=(0.0, 0.0, 0.0)))]  # fmt: skip
    sums = {card.data_sha256 for card in (text, photo, *others)}
    assert len(sums) == 6
    assert text.split_sha256("test") == text.data_sha256 != text.split_sha256("train")
    write_photos(tmp_path / "data", 4, seed=1)
    assert load_card(photo.path).data_sha256 not in sums


def test_cards_travel_and_their_input_is_written_as_it_was_read(tmp_path):
    for path, kind in ((text_card(tmp_path), Text), (photo_card(tmp_path), Photographs)):
        card = load_card(path)
        assert type(card.input) is kind and pickle.loads(pickle.dumps(card)) == card
        assert card.input.as_card() == yaml.safe_load(path.read_text())["input"]
    assert type(load_card("mnist-cnn").input) is Pixels and load_card("mnist-cnn").input.files() == {}
    files = load_card(tmp_path / "text").input.files()
    assert files == {"words.txt": (tmp_path / "text/words.txt").read_bytes()}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"words": "none.txt"}, "input.words: .*none.txt: cannot be read"),
        (
            {"words": "../text/words.txt"},
            "input.words: '../text/words.txt': must be the name of a file",
        ),
        ({"words": 3}, "input.words: 3: must be the name"),
        ({"words": "card.yaml"}, "input.words: .*card.yaml: must be <padding>"),
        ({"words": "w.safetensors"}, "input.words: .*w.safetensors: not UTF-8"),
        ({"words_sha256": "0" * 64}, "input.words_sha256: '0{64}': .*words.txt has [0-9a-f]{64}"),
        ({"length": 0}, "input.length: 0: must be a whole number from 1"),
        ({"length": True}, "input.length: True: must be a whole number"),
        ({"mean": [0.0]}, "input: .*must have exactly the keys words, words_sha256 and length"),
    ],
)
def test_a_wrong_text_input_is_said(tmp_path, changes, said):
    path = text_card(tmp_path, **changes)
    with pytest.raises(InputError, match=said) as error:
        load_card(path)
    assert len(error.value.problems) == 1


def test_all_problems_of_an_input_at_once(tmp_path):
    path = photo_card(tmp_path, mean=[0.0], std=[0.1, 0.1, 0.0], size_px=1.5)
    with pytest.raises(InputError) as error:
        load_card(path)
    assert [problem.split(": ")[1] for problem in error.value.problems] == ["input.mean", "input.std", "input.size_px"]


def test_images_of_one_size_take_no_size(tmp_path):
    seen = copy.deepcopy(PHOTOS)
    path = write_card(tmp_path / "other", build(), dataset="cifar-10", network="averaged", seen=seen)
    with pytest.raises(InputError, match=r"input: .*must have exactly the keys mean and std"):
        load_card(path)


def test_a_words_file_that_changed_is_said(tmp_path):
    path = text_card(tmp_path)
    content = (path.parent / "words.txt").read_bytes() + b"more\n"
    (path.parent / "words.txt").write_bytes(content)
    with pytest.raises(InputError, match=f"words.txt has {hashlib.sha256(content).hexdigest()}"):
        load_card(path)
