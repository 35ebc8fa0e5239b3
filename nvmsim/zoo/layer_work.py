"""How many weights each layer of a network has, and how many multiplications they take part in."""

import numpy as np
import torch
from torch import Tensor, nn

from nvmsim import plugins
from nvmsim.zoo.card import Card
from nvmsim.zoo.inputs import Photographs, Text


def layer_work(card: Card) -> list[tuple[str, int, int]]:
    """Return (name, weights, multiply-accumulates an inference) of each layer, in the order in which they run.

    Biases count as weights, their additions not as work. A convolution uses a weight once an output position, a
    recurrent layer once a step; an embedding is looked up; any other module is taken to use each weight once.

    >>> from nvmsim.zoo.card import load_card
    >>> layer_work(load_card("mnist-cnn"))[-1]
    ('fc6', 2570, 2560)
    """
    module = plugins.lookup("network", card.network)().train()  # some pass their layers by otherwise
    names = {inner: name for name, inner in module.named_modules()}
    found: dict[str, tuple[str, int, int]] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        size = sum(parameter.numel() for parameter in layer.parameters(recurse=False))
        found[names[layer]] = (names[layer], size, _macs(layer, inputs[0], output))

    for inner in module.modules():
        if list(inner.parameters(recurse=False)):
            inner.register_forward_hook(note)
    with torch.no_grad():
        module(_one_sample(card))
    return list(found.values())


def _macs(layer: nn.Module, given: Tensor, output: Tensor) -> int:
    if isinstance(layer, nn.Embedding):
        return 0
    matrices = sum(parameter.numel() for parameter in layer.parameters(recurse=False) if parameter.dim() > 1)
    if hasattr(layer, "weight_hh"):
        return matrices * given.shape[1]
    if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
        return matrices * (output[0].numel() // layer.weight.shape[0])
    return matrices


def _one_sample(card: Card) -> Tensor:
    if isinstance(card.input, Text):
        return torch.zeros(1, card.input.length, dtype=torch.int64)
    if isinstance(card.input, Photographs):
        return torch.zeros(1, 3, card.input.size_px, card.input.size_px)
    return torch.from_numpy(np.asarray(card.test_set().images[:1], np.float32))
