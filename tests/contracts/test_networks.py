"""What holds for every network: each bundled card, each registered plug-in and a user's own module."""

import pickle
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from nvmsim import plugins
from nvmsim.zoo.card import card_names, load_card
from nvmsim.zoo.datasets import dataset
from nvmsim.zoo.flat import flatten_parameters, parameter_layout
from nvmsim.zoo.network import BLOCK_IMAGES, Network
from nvmsim.zoo.tensors import file_sha256, weights_bytes

sys.path.append(str(Path(__file__).parents[1] / "examples"))
own_network = import_module("own_network")


@pytest.fixture(scope="module")
def own_card(tmp_path_factory):
    """The example's network as a card beside its weights."""
    folder, model = tmp_path_factory.mktemp("template"), own_network.own_model()
    path = folder / "weights.safetensors"
    path.write_bytes(weights_bytes(model.tensors, model.weights))
    weights = {"file": path.name, "sha256": file_sha256(path), "count": model.n_weights}
    values = {"name": "template", "network": "template", "dataset": "mnist", "classes": 10, "weights": weights,
              "input": {"mean": [0.0], "std": [1.0]}, "accuracy": {"correct": 0, "images": 10_000}}  # fmt: skip
    (folder / "card.yaml").write_text(yaml.safe_dump(values))
    return load_card(folder)


@pytest.fixture(scope="module", params=[*card_names(), "own module", "own card"])
def source(request, own_card):
    if request.param == "own module":
        return own_network.own_model()
    card = own_card if request.param == "own card" else load_card(request.param)
    if not dataset(card.dataset).where("test"):
        pytest.skip(f"{card.dataset} is not here: set NVMSIM_DATA, or nvmsim data fetch {card.dataset}")
    return card


@pytest.fixture(scope="module")
def network(source):
    return Network(source)


@pytest.fixture(scope="module")
def order(network):
    return np.random.default_rng(11).permutation(network.n_images)


def test_tensors_cover_the_weights_without_gaps(source):
    stored, weights = source.tensors, source.weights
    assert weights.dtype == np.float32 and weights.shape == (source.n_weights,)
    assert [t.start for t in stored] == [sum(t.size for t in stored[:k]) for k in range(len(stored))]
    assert sum(t.size for t in stored) == source.n_weights
    assert all(t.size == np.prod(t.shape, dtype=int) and t.name.startswith(t.module) for t in stored)
    assert np.isfinite(weights).all()


def test_network_holds_the_sources_weights(source, network):
    assert np.array_equal(network.flat.numpy(), source.weights) and network.tensors == source.tensors
    assert (network.name, network.classes, network.n_weights) == (source.name, source.classes, source.n_weights)


def test_identities_are_sha256(source):
    for identity in (source.weights_sha256, source.data_sha256):
        assert len(identity) == 64 and set(identity) <= set("0123456789abcdef")


def test_blocks_partition_the_test_set(network):
    sizes = [network.block_images(block) for block in range(network.blocks)]
    assert sum(sizes) == network.n_images and set(sizes[:-1]) <= {BLOCK_IMAGES} and 0 < sizes[-1] <= BLOCK_IMAGES


def test_counts_repeat_and_are_above_chance(network, order):
    counts = [network.correct(block, order) for block in (0, 3, 0)]
    assert counts[0] == counts[2]
    above_chance = min(3 / network.classes, (1 + 1 / network.classes) / 2)
    assert all(above_chance * BLOCK_IMAGES < count <= BLOCK_IMAGES for count in counts)


def test_the_order_does_not_change_the_sum(network, order):
    """Every image is in exactly one block, so the sum may differ only where a batch's company turns a near tie."""
    blocks = range(network.blocks)
    sums = [sum(network.correct(block, places) for block in blocks) for places in (order, np.arange(network.n_images))]
    assert abs(sums[0] - sums[1]) <= 1


def test_nan_weights_give_none_correct_and_infinite_ones_do_not_stop_the_run(network, order):
    clean = network.flat.clone()
    before = network.correct(1, order)
    try:
        network.flat.fill_(float("nan"))
        assert network.correct(1, order) == 0
        network.flat.fill_(float("inf"))
        assert 0 <= network.correct(1, order) <= BLOCK_IMAGES
    finally:
        network.flat.copy_(clean)
    assert network.correct(1, order) == before


def test_two_networks_of_one_source_are_independent(source, network, order):
    other = Network(pickle.loads(pickle.dumps(source)))
    assert other.correct(2, order) == network.correct(2, order)
    other.flat.zero_()
    assert np.array_equal(network.flat.numpy(), source.weights)


@pytest.mark.parametrize("name", plugins.names("network"))
def test_plug_in_builds_a_fresh_module_with_storable_weights(name):
    build = plugins.lookup("network", name)
    first, second = build(), build()
    assert isinstance(first, torch.nn.Module) and first is not second
    stored = parameter_layout(first)
    assert stored == parameter_layout(second)
    flat = flatten_parameters(first, stored)
    assert [t.name for t in stored] == [key for key in first.state_dict() if key in dict(first.named_parameters())]
    assert torch.equal(torch.cat([p.reshape(-1) for p in first.parameters()]), flat)


def test_the_example_recognises_digits():
    """The nearest template's accuracy by plain numpy, without torch."""
    model, order = own_network.own_model(), np.random.default_rng(12).permutation(5000)
    matrix, bias = model.weights[:7840].reshape(10, 784), model.weights[7840:]
    right = (model.images.reshape(-1, 784) @ matrix.T + bias).argmax(1) == model.labels
    assert Network(model).correct(0, order) == right[order[:500]].sum()
    assert 0.8 < right.mean() < 0.9
