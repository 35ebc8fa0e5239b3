"""What the paper's VGG-like networks share: blocks of 3x3 convolutions, each block halving the map."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn


def convolutions(blocks: Sequence[Sequence[int]]) -> OrderedDict[str, nn.Module]:
    """Return convolutions ``conv1``, ``relu1``, ... of these widths for RGB images, a 2x2 max pool behind each block.

    Source: Simonyan and Zisserman 2014, configurations with 3x3 kernels and padding.

    >>> list(convolutions([[8], [16]]))
    ['conv1', 'relu1', 'pool1', 'conv2', 'relu2', 'pool2']
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels, number = 3, 0
    for block in blocks:
        for width in block:
            number += 1
            layers[f"conv{number}"] = nn.Conv2d(channels, width, 3, padding=1)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
            channels = width
        layers[f"pool{number}"] = nn.MaxPool2d(2)
    return layers


def he_normal(network: nn.Module) -> None:
    """Start the kernels of all convolutions from He's normal distribution (He et al. 2015), their biases from 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
