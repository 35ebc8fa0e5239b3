"""Training: the same card gives the same weights, whatever happens on the way."""

import gzip
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save
from torch import nn

from nvmsim import plugins
from nvmsim.errors import InputError
from nvmsim.zoo import datasets
from nvmsim.zoo import train as training
from nvmsim.zoo.augment import affine_maps, augment
from nvmsim.zoo.card import load_card
from nvmsim.zoo.checkpoint import Checkpoint, write_whole
from nvmsim.zoo.files import DataFile, Source
from nvmsim.zoo.recipe import Recipe, derived_seed

FILES = {"train": ("images.gz", "labels.gz"), "test": ("test-images.gz", "test-labels.gz")}
RECIPE = {"epochs": 3, "batch": 64, "lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4, "dropout": 0.2,
          "average_decay": 0.9, "rotate_deg": 10, "shift_px": 1, "seed": 5}  # fmt: skip


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.0), nn.Linear(784, 10))


def install(folder: Path) -> None:
    """Make a data set ``few`` of real digits known (200 to train on, 100 to test), and the network ``perceptron``."""
    images, labels = datasets.test_set("mnist")
    images = (images[:300, 0] * 255).astype(np.uint8)
    parts = {"train": (images[:200], labels[:200]), "test": (images[200:], labels[200:300])}
    published = []
    for split, names in FILES.items():
        for name, array in zip(names, parts[split], strict=True):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            content = gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)
            write_whole(folder / "few" / name, content)
            published.append(DataFile(name, len(content), hashlib.sha256(content).hexdigest()))
    source = Source("few", tuple(published), ())
    datasets.DATASETS["few"] = replace(datasets.MNIST, name="few", source=source, splits=FILES)
    os.environ["NVMSIM_DATA"] = str(folder)
    plugins.register("network", "perceptron", perceptron)


@pytest.fixture(autouse=True)
def few(tmp_path, monkeypatch):
    monkeypatch.setenv("NVMSIM_DATA", "")
    monkeypatch.setattr(plugins, "_registered", dict(plugins.registered()))
    monkeypatch.setattr(datasets, "DATASETS", dict(datasets.DATASETS))
    monkeypatch.chdir(tmp_path)
    install(tmp_path)


def write_card(path: Path = Path("own"), network: str = "perceptron", **recipe) -> Path:
    values = {"name": "own", "network": network, "dataset": "few", "classes": 10,
              "input": {"mean": [0.13], "std": [0.31]}, "source": "a test", "recipe": RECIPE | recipe}  # fmt: skip
    write_whole(path / "card.yaml", yaml.safe_dump(values).encode())
    return path


def test_writes_weights_and_a_complete_card_to_its_own_folder():
    card = training.train(write_card(), progress=False)
    assert card.path == Path("nvmsim-models/own/card.yaml") and card.weights.size == 7850 == card.n_weights
    assert (card.source, card.recipe) == ("a test", Recipe.from_card(RECIPE).as_card())
    record = card.training
    assert record["data_sha256"] == {s: datasets.data_sha256("few", s) for s in ("train", "test")}
    assert (record["steps"], record["torch"]) == (12, str(torch.__version__)) and record["seconds"] > 0
    assert record["global_range_set_by"]["highest"]["value"] == float(card.weights.max())
    assert sorted(p.name for p in card.path.parent.iterdir()) == ["card.yaml", "weights.safetensors"]


def test_accuracy_in_the_card_is_that_of_its_weights():
    card = training.train(write_card(epochs=30), progress=False)
    images, labels = datasets.test_set("few", mean=card.mean, std=card.std)
    matrix, bias = card.weights[:7840].reshape(10, 784), card.weights[7840:]
    right = (images.reshape(-1, 784) @ matrix.T + bias).argmax(1) == labels
    assert card.accuracy == right.mean() > 0.5


@pytest.mark.parametrize("network", ["perceptron", "mnist-cnn"])
def test_same_seed_same_weights_another_seed_others(network):
    def weights(out: str, **recipe) -> bytes:
        return training.train(write_card(Path(out), network, epochs=1, **recipe), out=Path(out) / "out",
                              progress=False).weights.tobytes()  # fmt: skip

    torch.manual_seed(99)
    first = weights("a")
    torch.rand(7)  # a state of the global generator must not matter
    assert weights("b") == first != weights("c", seed=6)


def stopping_after(steps: int) -> type:
    """A request to stop that comes after so many steps: the loop asks twice a step."""

    class Stop(training.StopRequest):
        calls = 0

        @property
        def asked(self) -> bool:
            Stop.calls += 1
            return Stop.calls > 2 * steps - 2

        @asked.setter
        def asked(self, value: bool) -> None:
            pass

    return Stop


@pytest.mark.parametrize("stop_after", [1, 5])
def test_resumed_training_equals_an_undisturbed_one(stop_after, monkeypatch):
    card = write_card(network="mnist-cnn", epochs=2)
    whole = training.train(card, out=Path("whole"), progress=False)
    with monkeypatch.context() as patch:
        patch.setattr(training, "StopRequest", stopping_after(stop_after))
        with pytest.raises(KeyboardInterrupt, match=rf"after step {stop_after} of 8.*the same command goes on"):
            training.train(card, out=Path("parts"), progress=False)
    assert training.train(card, out=Path("parts"), progress=False).weights_sha256 == whole.weights_sha256


def test_the_card_names_every_torch_that_trained(monkeypatch):
    card = write_card(epochs=2)
    with monkeypatch.context() as patch:
        patch.setattr(training, "StopRequest", stopping_after(2))
        patch.setattr(torch, "__version__", "1.0")
        with pytest.raises(KeyboardInterrupt):
            training.train(card, progress=False)
    assert training.train(card, progress=False).training["torch"] == f"1.0, {torch.__version__}"


def test_a_checkpoint_that_does_not_name_its_torch_is_gone_on_from(tmp_path):
    vectors = {name: np.zeros(3, np.float32) for name in ("weights", "average", "momentum", "variance", "buffers")}
    about = {"step": "7", "seconds": "1.0", "identity": "same"}
    write_whole(tmp_path / "old.safetensors", save(vectors, {"nvmsim": json.dumps(about)}))
    assert Checkpoint.load(tmp_path / "old.safetensors", "same").torch == ()


CHILD = """
import sys; sys.path.insert(0, {tests!r})
from pathlib import Path
import test_train
from nvmsim.zoo import train
test_train.install(Path.cwd())
train._CHECKPOINT_S = 0.01
try:
    train.train("own", progress=False)
except KeyboardInterrupt as stopped:
    sys.exit(f"stopped: {{stopped}}")
"""


def disturbed(number: int, after_step: int) -> str:
    """Train in another process and send it a signal once it has saved ``after_step``; return what it said."""
    code = CHILD.format(tests=str(Path(__file__).parent))
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    path, deadline = Path("nvmsim-models/own/checkpoint.safetensors"), time.monotonic() + 60
    while saved_step(path) < after_step and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == (1 if number == signal.SIGINT else -signal.SIGKILL), said
    return said


def saved_step(path: Path) -> int:
    if not path.exists():
        return 0
    with safe_open(path, framework="numpy") as file:
        return int(json.loads(file.metadata()["nvmsim"])["step"])


def test_ctrl_c_and_kill_lose_nothing():
    card = write_card(epochs=120)
    whole = training.train(card, out=Path("whole"), progress=False)
    said = disturbed(signal.SIGINT, after_step=20)
    assert "stopped: training stopped after step" in said and "Traceback" not in said
    disturbed(signal.SIGKILL, after_step=100)
    assert 100 <= saved_step(Path("nvmsim-models/own/checkpoint.safetensors")) < 480
    assert training.train(card, progress=False).weights_sha256 == whole.weights_sha256


def test_a_trained_model_is_never_overwritten():
    first = training.train(write_card(), progress=False)
    before = [path.read_bytes() for path in (first.path, first.weights_path)]
    write_card(seed=8)
    with pytest.raises(InputError, match=r"card\.yaml: exists; choose another --out, or move it away"):
        training.train("own", progress=False)
    assert [path.read_bytes() for path in (first.path, first.weights_path)] == before


def test_a_file_that_would_lie_beside_the_card_is_never_overwritten(tmp_path):
    place = training.Place(tmp_path)
    place.check_free({"words.txt": b"ours"})
    (tmp_path / "words.txt").write_bytes(b"ours")
    place.check_free({"words.txt": b"ours"})
    (tmp_path / "words.txt").write_bytes(b"a user's own")
    with pytest.raises(InputError, match=r"words\.txt: exists; choose another --out"):
        place.check_free({"words.txt": b"ours"})


def test_the_card_trained_from_stays():
    card = write_card()
    text = (card / "card.yaml").read_text()
    training.train(card, progress=False)
    with pytest.raises(InputError, match="exists"):
        training.train(card, out=card, progress=False)
    assert (card / "card.yaml").read_text() == text


def test_a_kill_while_the_result_is_written_is_repaired_by_a_rerun(monkeypatch):
    """Between the two files: weights are there, the card is not, the checkpoint still is."""
    card = write_card()
    whole = training.train(card, out=Path("whole"), progress=False)
    with monkeypatch.context() as patch:
        patch.setattr(training.Place, "card", property(lambda self: Path("/dev/null/card.yaml")))
        with pytest.raises(InputError, match="cannot be written"):
            training.train(card, progress=False)
    assert Path("nvmsim-models/own/weights.safetensors").exists()
    assert not Path("nvmsim-models/own/card.yaml").exists()
    assert training.train(card, progress=False).weights_sha256 == whole.weights_sha256


def test_epochs_and_threads_replace_the_cards():
    card = training.train(write_card(), epochs=1, threads=2, progress=False)
    assert (card.recipe["epochs"], card.recipe["threads"], card.training["steps"]) == (1, 2, 4)
    with pytest.raises(InputError, match=r"recipe\.epochs: 0: must be"):
        training.train("own", epochs=0, progress=False)


def test_the_command_says_what_it_wrote(capsys):
    write_card()
    said = training.train_command(Namespace(model="own", out="here", epochs=None, threads=None,
                                           start=None, stage=None, pretrained=None))  # fmt: skip
    assert "% of the test set after 3 epochs" in said and "7850 weights" in said and "--model here" in said
    assert "12/12" in capsys.readouterr().err


def test_checkpoint_of_another_recipe_is_refused_and_kept():
    path = Path("nvmsim-models/own/checkpoint.safetensors")
    vectors = {name: np.zeros(3, np.float32) for name in ("weights", "average", "momentum", "variance", "buffers")}
    Checkpoint(7, 1.0, "another", vectors, ("1.0",)).save(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="belongs to another training"):
        training.train(write_card(), progress=False)
    assert path.read_bytes() == before


@pytest.mark.parametrize("size", [0, 8, 60, -1])
def test_damaged_checkpoint_is_refused(size):
    path = Path("checkpoint.safetensors")
    vectors = {name: np.zeros(3, np.float32) for name in ("weights", "average", "momentum", "variance", "buffers")}
    Checkpoint(7, 1.0, "same", vectors, ("1.0",)).save(path)
    assert Checkpoint.load(path, "same").step == 7
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        Checkpoint.load(path, "same")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk_keeps_the_old_file(monkeypatch, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode: real(Path("/dev/full") if "part" in self.name else self, mode))
    with pytest.raises(InputError, match="No space left on device"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.glob("*file*")] == ["file"]


def test_training_needs_a_recipe():
    write_whole(Path("own/card.yaml"), yaml.safe_dump({"name": "own", "network": "perceptron", "dataset": "few",
                "classes": 10, "input": {"mean": [0.0], "std": [1.0]}}).encode())  # fmt: skip
    with pytest.raises(InputError, match="recipe: is missing"):
        training.train("own", progress=False)


def test_the_callers_torch_settings_stay():
    before = torch.get_num_threads()
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    training.train(write_card(threads=2 if before == 1 else 1), progress=False)
    assert torch.get_num_threads() == before and torch.rand(1) == wanted


def test_the_bundled_model_is_of_the_bundled_recipe():
    card = load_card("mnist-cnn")
    recipe = Recipe.from_card(card.recipe)
    assert card.training["steps"] == recipe.epochs * -(-60_000 // recipe.batch)
    assert card.training["data_sha256"] == {s: datasets.data_sha256("mnist", s) for s in ("train", "test")}


def test_augmentation_without_amounts_changes_nothing():
    images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    same = augment(images, Recipe(epochs=1), torch.Generator().manual_seed(2))
    assert torch.allclose(images, same, atol=1e-5)


def test_augmentation_moves_by_whole_pixels_as_told():
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 4] = 1.0
    maps = affine_maps(Recipe(epochs=1, shift_px=3), 500, 9, torch.Generator().manual_seed(3))
    shift_px = maps[:, :, 2] * 9 / 2
    assert shift_px.abs().max() <= 3 and shift_px.min() < -2.9 and shift_px.max() > 2.9
    moved = augment(image.expand(500, 1, 9, 9), Recipe(epochs=1, shift_px=3), torch.Generator().manual_seed(3))
    rows = torch.arange(9.0)
    found = torch.stack([(moved.sum((1, 2)) * rows).sum(1), (moved.sum((1, 3)) * rows).sum(1)], dim=1)
    assert torch.allclose(found, 4 - shift_px, atol=1e-3)


@given(st.floats(0, 45), st.floats(0, 30), st.floats(0, 0.5))
@settings(max_examples=20)
def test_maps_scale_area_by_the_zoom_alone(rotate, shear, scale):
    """A turn and a shear keep area, so the determinant is the product of the two zooms."""
    recipe = Recipe(epochs=1, rotate_deg=rotate, shear_deg=shear, scale=scale)
    area = torch.linalg.det(affine_maps(recipe, 50, 28, torch.Generator().manual_seed(4))[:, :, :2])
    assert area.min() >= (1 - scale) ** 2 - 1e-4 and area.max() <= (1 + scale) ** 2 + 1e-4


def test_learning_rate_rises_to_its_peak_and_ends_near_zero():
    rates = [Recipe(epochs=1, lr=0.2, warmup=0.25).learning_rate(step, 1000) for step in range(1000)]
    assert max(rates) == pytest.approx(0.2) and rates.index(max(rates)) in (249, 250)
    assert np.all(np.diff(rates[:250]) > 0) and np.all(np.diff(rates[250:]) < 0) and rates[-1] < 1e-5


def test_derived_seeds_differ_by_everything():
    seeds = {derived_seed(seed, purpose, index) for seed in range(4) for purpose in range(3) for index in range(100)}
    assert len(seeds) == 1200 and all(0 <= seed < 2**32 for seed in seeds)


@pytest.mark.parametrize(("key", "value"), [("epochs", 0), ("epochs", 1.5), ("batch", True), ("lr", "fast"),
                                            ("lr", -0.1), ("dropout", 1), ("momentum", float("nan")),
                                            ("average_decay", 1.0), ("threads", 0), ("seed", -1)])  # fmt: skip
def test_recipe_refuses(key, value):
    with pytest.raises(InputError, match=f"recipe.{key}: .*must be a (whole )?number from"):
        Recipe.from_card({"epochs": 1} | {key: value})
