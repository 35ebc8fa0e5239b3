"""The same function from other weights: channels rescaled between layers, so that no tensor alone sets the range.

A ReLU passes a positive factor on, and so do max pools and averages: a channel's kernel and bias times s, and what the
next layer takes from it divided by s, give the same network. Nagel et al. 2019 (data-free quantisation, section 4.1)
equalise the ranges of neighbouring layers so.
"""

import copy
import hashlib
import itertools
from dataclasses import fields
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from nvmsim import plugins
from nvmsim.errors import InputError
from nvmsim.zoo.card import Card
from nvmsim.zoo.flat import flatten_parameters
from nvmsim.zoo.tensors import read_weights

_ROUNDS = 30  # each brings neighbours level; a chain of nine layers is even long before
_PASSES = (nn.ReLU, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.Flatten, nn.Dropout)


@torch.no_grad()
def rescaled(network: nn.Sequential) -> nn.Sequential:
    """Return a copy of ``network`` that computes the same with neighbouring layers' ranges made equal.

    Raises InputError unless it is a sequence of convolutions, linear layers, ReLU, pools and dropout.

    >>> network = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))
    >>> _ = network[0].weight.data.fill_(8.0), network[0].bias.data.zero_(), network[2].weight.data.fill_(2.0)
    >>> [layer.weight.item() for layer in rescaled(network)[::2]]
    [4.0, 4.0]
    """
    result = copy.deepcopy(network)
    layers = _weighted(result)
    for _ in range(_ROUNDS):
        for layer, following in itertools.pairwise(layers):
            _level(layer, following)
    return result


def _weighted(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    kinds = (nn.Conv2d, nn.Linear, *_PASSES)
    if not isinstance(network, nn.Sequential) or not all(isinstance(part, kinds) for part in network):
        raise InputError("network: only a sequence of convolutions, linear layers, ReLU, pools and dropout can be "
                         "rescaled")  # fmt: skip
    return [part for part in network if isinstance(part, nn.Conv2d | nn.Linear)]


def _level(layer: nn.Conv2d | nn.Linear, following: nn.Conv2d | nn.Linear) -> None:
    """Scale each channel of ``layer`` so that its largest weight or bias is as large as those behind it."""
    incoming = following.weight.view(following.weight.shape[0], layer.weight.shape[0], -1)
    own = torch.maximum(layer.weight.flatten(1).abs().amax(1), layer.bias.abs())
    taken = incoming.abs().amax((0, 2))
    scale = _ratio(taken, own)
    layer.weight.mul_(scale.view(-1, *(1,) * (layer.weight.dim() - 1)))
    layer.bias.mul_(scale)
    incoming.div_(scale.view(1, -1, 1))


def _ratio(taken: Tensor, own: Tensor) -> Tensor:
    """Return sqrt(taken / own), 1 for a channel that nothing goes into or comes out of.

    By numpy's root, which is rounded as IEEE 754 says: torch's differs in the last bit from processor to processor,
    and with it the weights' checksum.
    """
    return torch.from_numpy(np.sqrt(torch.where((taken > 0) & (own > 0), taken / own, torch.ones(())).numpy()))


class RescaledCard(Card):
    """A card's network, rescaled: another network by its checksum, with the card's layout and test set."""

    @cached_property
    def weights(self) -> np.ndarray:
        """The rescaled weights, float32 [n_weights], read-only."""
        module = plugins.lookup("network", self.network)().eval()
        flatten_parameters(module, self.tensors).copy_(torch.from_numpy(read_weights(self.weights_path, self.tensors)))
        values = flatten_parameters(rescaled(module), self.tensors).numpy()
        values.flags.writeable = False
        return values


def rescaled_card(card: Card, name: str) -> RescaledCard:
    """Return the network of ``card``, rescaled, called ``name``; raises InputError as :func:`rescaled` does."""
    known = {field.name: getattr(card, field.name) for field in fields(card)}
    result = RescaledCard(**known | {"name": name})
    return RescaledCard(**known | {"name": name, "weights_sha256": hashlib.sha256(result.weights).hexdigest()})
