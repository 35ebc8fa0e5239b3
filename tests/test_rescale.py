"""Rescaling channels changes no output, and makes the range narrower."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from nvmsim.errors import InputError
from nvmsim.zoo import cifar10_vgg
from nvmsim.zoo.card import load_card
from nvmsim.zoo.flat import flatten_parameters, parameter_layout
from nvmsim.zoo.network import Network
from nvmsim.zoo.rescale import rescaled, rescaled_card


def widened() -> nn.Sequential:
    """A network whose first layer has a range of its own, as one with folded batch norms has."""
    torch.manual_seed(5)
    network = cifar10_vgg.build().double().eval()
    with torch.no_grad():
        network.conv1.weight.mul_(torch.linspace(1, 100, 64).view(-1, 1, 1, 1))
        nn.init.uniform_(network.conv3.bias, -20, 20)
    return network


def span(network: nn.Module) -> float:
    flat = torch.cat([part.detach().flatten() for part in network.parameters()])
    return float(flat.max() - flat.min())


def test_the_function_stays_and_the_range_narrows():
    network = widened()
    other = rescaled(network)
    images = torch.rand(5, 3, 32, 32, dtype=torch.float64)
    with torch.inference_mode():
        wanted, found = network(images.clone()), other(images.clone())
    assert torch.allclose(wanted, found, rtol=1e-9)
    assert span(other) < span(network) / 4
    assert span(rescaled(other)) == pytest.approx(span(other), rel=0.1)


def test_channels_without_weights_stay_finite():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        network[0].weight[1], network[0].bias[1], network[2].weight[0, 2] = 0, 0, 0
    other = rescaled(network)
    assert torch.isfinite(flatten_parameters(other, parameter_layout(other))).all()
    point = torch.tensor([[0.3, -2.0]])
    assert torch.allclose(network(point), other(point))


def test_other_layers_are_refused():
    with pytest.raises(InputError, match="only a sequence of convolutions"):
        rescaled(nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1)))


def test_a_rescaled_card_counts_as_the_card_does():
    card = load_card("mnist-cnn")
    model = rescaled_card(card, "mnist-cnn+rescaled")
    assert np.ptp(model.weights) < np.ptp(card.weights)
    assert model.weights_sha256 != card.weights_sha256 and model.data_sha256 == card.data_sha256
    assert np.array_equal(pickle.loads(pickle.dumps(model)).weights, model.weights)
    order = np.arange(10_000)
    assert abs(Network(model).correct(0, order) - Network(card).correct(0, order)) <= 1  # a near tie may fall otherwise


def test_the_rescaled_weights_are_the_same_on_every_processor():
    """torch.sqrt is not: on some it misses the nearest float32 in one of a hundred."""
    card = rescaled_card(load_card("cifar10-vgg"), "cifar10-vgg+rescaled")
    assert card.weights_sha256 == "0b6099c60c1166c3c31f9bc239319cce73d557ed53a484a26fe8db99b879b8df"
