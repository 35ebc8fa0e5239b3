"""Training in stages, with batch norm and with Adam: what is stored, and that resuming changes nothing."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from test_train import few, stopping_after, write_card  # noqa: F401  (few is a fixture that runs by itself)
from torch import nn
from torch.nn import functional

from nvmsim import plugins
from nvmsim.errors import InputError
from nvmsim.zoo import train as training
from nvmsim.zoo.augment import augment
from nvmsim.zoo.card import load_card
from nvmsim.zoo.optimizer import Optimizer
from nvmsim.zoo.recipe import Recipe
from nvmsim.zoo.start import Start
from nvmsim.zoo.tensors import file_sha256


def test_recipe_reads_stages_and_refuses_what_does_not_add_up():
    stage = {"epochs": 2, "size_px": 14, "lr": 0.1, "lr_end": 0.0}
    recipe = Recipe.from_card({"epochs": 3, "stages": [stage, {**stage, "epochs": 1, "size_px": 28, "lr": 0.05}]})
    assert Recipe.from_card(recipe.as_card()) == recipe
    rates = [recipe.learning_rate(step, 300) for step in range(300)]
    assert rates[:3] == pytest.approx([0.1, 0.0995, 0.099]) and rates[200] == 0.05 and rates[299] < 1e-3
    with pytest.raises(InputError, match=r"recipe\.stages: their epochs must add up to epochs, which is 4"):
        Recipe.from_card({"epochs": 4, "stages": [stage]})
    with pytest.raises(InputError, match=r"recipe\.stages\[0\]\.size_px: 2: must be a whole number from 4"):
        Recipe.from_card({"epochs": 2, "stages": [{**stage, "size_px": 2}]})
    with pytest.raises(InputError, match=r"recipe\.average_decay: must be 0 with batch_norm"):
        Recipe.from_card({"epochs": 2, "batch_norm": True, "average_decay": 0.9})
    with pytest.raises(InputError, match=r"recipe\.adam: 1: must be true or false"):
        Recipe.from_card({"epochs": 2, "adam": 1})


def convolutional() -> nn.Module:
    parts = {"conv1": nn.Conv2d(1, 4, 3, padding=1), "relu1": nn.ReLU(), "average": nn.AdaptiveAvgPool2d(4),
             "flatten": nn.Flatten(), "fc": nn.Linear(64, 10)}  # fmt: skip
    return nn.Sequential(OrderedDict(parts))


STAGES = [
    {"epochs": 2, "size_px": 14, "lr": 0.1, "lr_end": 0.05},
    {"epochs": 2, "size_px": 28, "lr": 0.05, "lr_end": 0},
]


@pytest.fixture
def staged():
    plugins.register("network", "convolutional", convolutional)
    more = {"epochs": 4, "stages": STAGES, "batch_norm": True, "average_decay": 0.0, "flip": 0.5, "crop_px": 2}
    return write_card(network="convolutional", **more)


@pytest.mark.parametrize("stop_after", [3, 9])
def test_resuming_keeps_batch_norm_and_stage(staged, stop_after, monkeypatch):
    whole = training.train(staged, out=Path("whole"), progress=False)
    assert whole.n_weights == 40 + 650  # no batch norm among what is stored
    assert set(whole.training) >= {"global_range_set_by", "global_range_before_folding_set_by"}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "StopRequest", stopping_after(stop_after))
        training.train(staged, out=Path("parts"), progress=False)
    assert training.train(staged, out=Path("parts"), progress=False).weights_sha256 == whole.weights_sha256


def test_a_later_stage_goes_on_from_weights_in_a_file(staged):
    unstarted = load_card(staged, trained=False)
    trainer = training._trainer(unstarted, Recipe.from_card(unstarted.recipe))
    for step in trainer.run():
        if step == trainer.steps // 2:
            break
    save_file({k: v.contiguous() for k, v in trainer.module.state_dict().items()}, "half.safetensors")
    card = training.train(staged, start=Start(Path("half.safetensors"), 1), progress=False)
    assert card.training["start"] == {"sha256": file_sha256(Path("half.safetensors")), "stage": 1}
    again = training._trainer(unstarted, trainer.recipe)
    start = Start(Path("half.safetensors"), 1)
    start.enter(again, start.read(trainer.recipe))
    assert (
        again.step == trainer.step and torch.equal(again.flat, trainer.flat) and torch.equal(again.average, again.flat)
    )
    with pytest.raises(InputError, match=r"--stage: 2: the recipe has 2 stages"):
        training.train(staged, out="other", start=Start(Path("half.safetensors"), 2), progress=False)
    save_file({"fc.weight": torch.zeros(2)}, "wrong.safetensors")
    with pytest.raises(InputError, match=r"wrong\.safetensors: cannot be the start of this training"):
        training.train(staged, out="other", start=Start(Path("wrong.safetensors"), 1), progress=False)


@pytest.mark.parametrize("stop_after", [2, 7])
def test_adam_resumes_bit_for_bit(stop_after, monkeypatch):
    card = write_card(adam=True, lr=0.01, weight_decay=1e-3)
    whole = training.train(card, out=Path("whole"), progress=False)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "StopRequest", stopping_after(stop_after))
        training.train(card, out=Path("parts"), progress=False)
    assert training.train(card, out=Path("parts"), progress=False).weights_sha256 == whole.weights_sha256
    assert whole.accuracy > 0.5


def test_weight_decay_holds_back_matrices_alone():
    module = nn.Linear(2, 3)
    with torch.no_grad():
        module.bias.fill_(1.0)
    before = module.weight.detach().clone()
    Optimizer(module, Recipe(epochs=1, momentum=0.0, weight_decay=0.5)).take(0.1, 0 * module(torch.ones(2)).sum())
    assert torch.allclose(module.weight, before * 0.95) and torch.equal(module.bias, torch.ones(3))


def test_crops_move_whole_pixels_and_mirror_edges():
    image = torch.arange(36.0).view(1, 1, 6, 6).expand(400, 1, 6, 6)
    moved = augment(image, Recipe(epochs=1, crop_px=2), torch.Generator().manual_seed(3))
    padded = functional.pad(image[:1], (2, 2, 2, 2), mode="reflect")[0, 0]
    windows = {tuple(padded[r : r + 6, c : c + 6].flatten().tolist()) for r in range(5) for c in range(5)}
    assert {tuple(part.flatten().tolist()) for part in moved} == windows


def test_flips_mirror_about_half_of_the_images():
    image = torch.arange(8.0).view(1, 1, 2, 4).expand(1000, 1, 2, 4)
    seen = augment(image, Recipe(epochs=1, flip=0.5), torch.Generator().manual_seed(3))
    mirrored = (seen == image.flip(3)).flatten(1).all(1)
    assert ((seen == image).flatten(1).all(1) ^ mirrored).all() and 430 < mirrored.sum() < 570
