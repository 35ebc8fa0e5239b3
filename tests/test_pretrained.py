"""Transfer learning: torchvision's weights by path or verified download, and nothing else in their place."""

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from nvmsim.errors import InputError
from nvmsim.zoo import pretrained, vgg16
from nvmsim.zoo import train as training
from nvmsim.zoo.card import load_card
from nvmsim.zoo.checkpoint import write_whole
from nvmsim.zoo.network import Network
from nvmsim.zoo.pretrained import Pretrained

SIZE_PX = 32
NAMES = [
    f"features.{k}.{part}" for k in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28) for part in ("weight", "bias")
]


@pytest.fixture(scope="module")
def state():
    """A state dict as torchvision's, of random weights, with a classifier that is not used."""
    torch.manual_seed(3)
    ours = [(name, part) for name, part in vgg16.build().named_parameters() if name.startswith("conv")]
    parts = {theirs: part.detach().clone() for theirs, (_, part) in zip(NAMES, ours, strict=True)}
    return parts | {"classifier.6.bias": torch.zeros(1000)}


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A card of the network at few pixels, with photographs that colour alone tells apart."""
    random = np.random.default_rng(1)
    for split, count in (("train", 8), ("test", 3)):
        for label, colour in (("cat", (200, 60, 60)), ("dog", (60, 60, 200))):
            folder = tmp_path / "data" / "cats-dogs" / split / label
            folder.mkdir(parents=True)
            for k in range(count):
                pixels = np.clip(random.normal(colour, 20, (40, 48, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{k}.png")
    monkeypatch.setenv("NVMSIM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((load_card("catsdogs-vgg16", trained=False).path).read_text())
    values["input"]["size_px"] = SIZE_PX
    values["recipe"] |= {"epochs": 2, "batch": 8, "crop_px": 2, "lr": 0.01}
    write_whole(tmp_path / "own" / "card.yaml", yaml.safe_dump(values).encode())
    return tmp_path / "own"


def test_transfer_trains_the_large_network_on_small_photographs(card, state):
    save_file(state, "vgg16.safetensors")
    start = Pretrained.of("vgg16.safetensors", "catsdogs-vgg16")
    done = training.train(card, start=start, progress=False)
    assert done.n_weights == 21_137_986 and set(done.training["start"]) == {"pretrained_sha256"}
    moved = np.abs(done.weights[:1728] - state["features.0.weight"].numpy().ravel()).max()
    assert 0 < moved < 0.1  # began there, and learned
    network = Network(done)
    assert network.correct(0, np.arange(6)) == round(6 * done.accuracy)


def test_pth_and_safetensors_begin_alike(state, tmp_path):
    torch.save(state, path := tmp_path / "state.pth")
    assert all(torch.equal(part, state[name]) for name, part in pretrained._state(path).items())


def test_a_pickle_that_runs_code_is_refused(card, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, ("open('harm', 'w')",))

    torch.save({"features.0.weight": Bomb()}, "bomb.pth")
    with pytest.raises(InputError, match=r"bomb\.pth: cannot be the start"):
        training.train(card, start=Pretrained.of("bomb.pth", "catsdogs-vgg16"), progress=False)
    assert not (tmp_path / "harm").exists()


def test_what_is_missing_is_named(card, state):
    with pytest.raises(InputError, match=r"recipe\.pretrained: begins with weights trained on ImageNet"):
        training.train(card, progress=False)
    with pytest.raises(InputError, match=r"mnist-cnn has no published weights"):
        Pretrained.of("vgg16.pth", "mnist-cnn")
    with pytest.raises(InputError, match=r"nowhere\.pth: there is no such file"):
        Pretrained.of("nowhere.pth", "catsdogs-vgg16")
    save_file({name: part for name, part in state.items() if "28" not in name}, "cut.safetensors")
    with pytest.raises(InputError, match=r"cut\.safetensors: .*features\.28\.weight"):
        training.train(card, start=Pretrained.of("cut.safetensors", "catsdogs-vgg16"), progress=False)


def test_a_download_that_is_not_the_published_file_is_refused(monkeypatch, tmp_path):
    monkeypatch.delenv("NVMSIM_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    write_whole(tmp_path / "nvmsim" / "torchvision" / "vgg16-397923af.pth", b"something else")
    with pytest.raises(InputError, match="damaged or not the published file"):
        Pretrained.of("download", "catsdogs-vgg16")


def test_the_cards_from_transfer_and_from_scratch_are_of_one_network():
    cards = [load_card(name, trained=False) for name in ("catsdogs-vgg16", "catsdogs-vgg16-scratch")]
    assert [card.network for card in cards] == ["catsdogs-vgg16"] * 2
    assert [card.recipe["epochs"] for card in cards] == [5, 40]


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(3), {"features.0.weight": 3}])
def test_a_file_that_is_no_state_dict_is_refused(card, content):
    torch.save(content, "other.pth")
    with pytest.raises(InputError, match=r"other\.pth: cannot be the start"):
        training.train(card, start=Pretrained.of("other.pth", "catsdogs-vgg16"), progress=False)


def test_a_file_is_refused_before_the_photographs_are_read(card, tmp_path):
    (tmp_path / "empty.pth").touch()
    (tmp_path / "data").rename(tmp_path / "away")
    with pytest.raises(InputError, match=r"empty\.pth: cannot be the start"):
        training.train(card, start=Pretrained.of("empty.pth", "catsdogs-vgg16"), progress=False)


def test_an_empty_file_is_refused(card, tmp_path):
    (tmp_path / "empty.pth").touch()
    with pytest.raises(InputError, match=r"empty\.pth: cannot be the start"):
        training.train(card, start=Pretrained.of("empty.pth", "catsdogs-vgg16"), progress=False)
