"""Activations before the first damaged layer are computed once, and no count is changed by that."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ridge_network import ridge_model, ridge_task
from torch import nn

from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.compiled import CompiledTask, Slot
from nvmsim.accuracy.trial import run_trial
from nvmsim.inject.backend import get_backend
from nvmsim.zoo.card import load_card
from nvmsim.zoo.model import Model
from nvmsim.zoo.network import Network
from nvmsim.zoo.prefix import Activations, prefix_of, stages_of

CARD = load_card("mnist-cnn")


def slots(source):
    """The same network with its activations kept, and with room for none."""
    return Slot(Network(source)), Slot(Network(source, kept=Activations(0)))


def counts(task, source, slot, trials, blocks):
    compiled = CompiledTask(task, source.weights, slot=slot, backend=get_backend("cpu"))
    return [[count.correct for count in run_trial(compiled, trial, blocks).blocks.values()] for trial in trials]


def check_same(task, source, both, trials, blocks=(0,)):
    """Compare the trials' counts with and without keeping, where nothing was kept yet and where it was."""
    keeping, plain = both
    wanted = counts(task, source, plain, trials, blocks)
    assert counts(task, source, keeping, trials, blocks) == wanted
    assert counts(task, source, keeping, trials, blocks) == wanted
    return wanted


def modules_of(source):
    return list(dict.fromkeys(tensor.module for tensor in source.tensors))


def test_every_layer_of_the_mnist_network_counts_the_same():
    both = slots(CARD)
    for layer in modules_of(CARD):
        task = bsc_task(CARD, "binary:16", rber=0.2, layers=(layer,))
        assert min(check_same(task, CARD, both, [0], (7,))[0]) < 480


def test_every_layer_of_the_ridge_network_counts_the_same_at_every_rate_and_scope():
    model = ridge_model()
    both = slots(model)
    for layers in [*((name,) for name in modules_of(model)), tuple(modules_of(model))]:
        for scope, rber in (("global", 1e-2), ("global", 0.1), ("layer", 0.1), ("global", 0.3)):
            task = ridge_task(rber=rber, range_scope=scope, layers=layers)
            check_same(task, model, both, range(2), (0, 3))


class Counting(nn.Module):
    """Gives what it gets and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return values


class InPlace(nn.Linear):
    """A layer that writes into what it is given, as ``nn.ReLU(inplace=True)`` does."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values.relu_()
        values -= 0.5
        return super().forward(values)


def toy(*layers, images=1_000, name="toy", features=6):
    random = np.random.default_rng(4)
    torch.manual_seed(1)
    pictures = random.normal(size=(images, features)).astype(np.float32)
    return Model(name, nn.Sequential(*layers), pictures, random.integers(0, 3, images))


def test_a_prefix_runs_once_and_its_copy_survives_layers_that_write_in_place():
    model = toy(Counting(), nn.Linear(6, 8), nn.ReLU(inplace=True), InPlace(8, 8), nn.ReLU(inplace=True), InPlace(8, 3))
    both = slots(model)
    counter = next(iter(both[0].network._module))
    for layer in ("3", "5"):
        before = counter.calls
        task = bsc_task(model, "binary:16", rber=0.2, layers=(layer,))
        check_same(task, model, both, range(4), (0, 1))
        assert counter.calls - before == 20  # 1,000 images in batches of 50


def test_a_task_without_layers_keeps_nothing():
    model = toy(Counting(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    keeping, _ = slots(model)
    counts(bsc_task(model, "binary:16", rber=0.2), model, keeping, range(2), (0,))
    counts(bsc_task(model, "binary:16", rber=0.2, layers=("1", "3")), model, keeping, range(2), (0,))
    assert len(keeping.network._kept._groups) == 1  # before "1": nothing but the counter lies there


def test_what_is_kept_belongs_to_its_weights_its_layer_and_its_order_of_images():
    model = toy(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    both = slots(model)
    tasks = [
        bsc_task(model, encoding, rber=0.2, layers=(layer,), seed=seed)
        for encoding in ("binary:16", "binary:2", "sign-magnitude:3")
        for seed in (0, 1)
        for layer in ("2", "4")
    ]
    for task in (*tasks, *reversed(tasks)):
        check_same(task, model, both, range(2), (1, 0))


class Last(nn.Module):
    """An LSTM of which the next layer sees the last step: a part of a larger tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.LSTM(5, 7, batch_first=True)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.cells(values)[0][:, -1]


class Pair(nn.Module):
    def forward(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return values, values


class First(nn.Linear):
    def forward(self, values: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return super().forward(values[0])


def test_recurrent_layers_and_activations_that_are_no_tensors():
    random = np.random.default_rng(4)
    torch.manual_seed(2)
    module = nn.Sequential()
    for name, layer in {"embedding": nn.Embedding(30, 5), "lstm": Last(), "pair": Pair(), "fc": First(7, 2)}.items():
        module.add_module(name, layer)
    model = Model("words", module, random.integers(0, 30, (700, 12)), random.integers(0, 2, 700))
    assert modules_of(model) == ["embedding", "lstm.cells", "fc"]
    both = slots(model)
    for layer, depth in (("embedding", None), ("lstm.cells", 1), ("fc", 3)):
        prefix = both[0].network.prefix((layer,), model.weights)
        assert (prefix and prefix.depth) == depth
        task = bsc_task(model, "binary:16", rber=0.2, layers=(layer,))
        check_same(task, model, both, range(3), (0, 1))


class Own(nn.Sequential):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return super().forward(values + 1)


class Skips(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.b(values + self.a(values))


def hooked():
    module = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 3))
    module.register_forward_hook(lambda module, inputs, output: -output)
    return module


@pytest.mark.parametrize("module", [Own(nn.Linear(6, 6), nn.Linear(6, 3)), Skips(), hooked()])
def test_a_module_of_another_kind_computes_everything(module):
    pictures, labels = np.random.default_rng(1).normal(size=(500, 6)), np.random.default_rng(1).integers(0, 3, 500)
    model = Model("own", module, pictures, labels)
    network = Network(model)
    last = modules_of(model)[-1]
    assert stages_of(network._module) == [network._module]
    assert network.prefix((last,), model.weights) is None
    with torch.inference_mode():
        right = module(torch.from_numpy(model.images)).argmax(1).numpy() == labels
    assert network.correct(0, np.arange(500)) == right.sum()


def test_a_layer_used_twice_is_damaged_from_its_first_use_on():
    shared = nn.Linear(6, 6)
    model = toy(nn.Linear(6, 6), shared, nn.ReLU(), shared, nn.Linear(6, 3))
    assert prefix_of(model.module, model.tensors, ("1",), model.weights).depth == 1
    assert prefix_of(model.module, model.tensors, ("4",), model.weights).depth == 4
    task = bsc_task(model, "binary:16", rber=0.2, layers=("1",))
    check_same(task, model, slots(model), range(3))


puts = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(1, 40)), max_size=60)


@given(puts)
def test_no_more_is_kept_than_the_limit_and_only_what_was_put(operations):
    kept, model = Activations(400), {}
    for group, place, length in operations:
        if kept.get(group, place) is None:
            model[group, place] = torch.full((length,), float(length))
            kept.put(group, place, model[group, place])
    tensors = [tensor for members in kept._groups.values() for tensor in members.values()]
    assert sum(tensor.nbytes for tensor in tensors) <= 400
    for key, values in model.items():
        found = kept.get(*key)
        assert found is None or torch.equal(found, values)


def test_a_round_of_batches_that_does_not_fit_keeps_its_first_ones_and_replaces_other_groups():
    kept, batch = Activations(8 * 4 * 3), torch.arange(8.0)
    for _ in range(2):
        for place in range(5):
            if kept.get("a", place) is None:
                kept.put("a", place, batch)
        assert [kept.get("a", place) is not None for place in range(5)] == [True, True, True, False, False]
    for place in range(2):
        kept.put("b", place, batch)
    assert [kept.get("a", place) is not None for place in range(3)] == [True, False, False]
    assert all(kept.get("b", place) is not None for place in range(2))
