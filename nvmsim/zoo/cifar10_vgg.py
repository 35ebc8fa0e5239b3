"""The VGG-like convolutional network for CIFAR-10: 2,786,890 weights (paper, Table III)."""

from collections import OrderedDict

from torch import nn

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256))


def build() -> nn.Module:
    """Return the untrained network: float32 [n, 3, 32, 32] in, logits [n, 10] out.

    Seven 3x3 convolutions with padding and three 2x2 max pools, two fully connected layers (paper, Table III). The
    last pool's 4x4 map is averaged to 4x4, which changes nothing; smaller images, which training may start with, have
    smaller maps there. Kernels start from He's normal distribution, the fully connected layers from torch's default.

    >>> sum(weight.numel() for weight in build().parameters())
    2786890
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels, number = 3, 0
    for block in _BLOCKS:
        for width in block:
            number += 1
            layers[f"conv{number}"] = nn.Conv2d(channels, width, 3, padding=1)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
            channels = width
        layers[f"pool{number}"] = nn.MaxPool2d(2)
    layers["average"] = nn.AdaptiveAvgPool2d(4)
    layers["flatten"] = nn.Flatten()
    layers["dropout1"] = nn.Dropout(0.0)
    layers["fc1"] = nn.Linear(16 * channels, 256)
    layers["relu_fc1"] = nn.ReLU(inplace=True)
    layers["dropout2"] = nn.Dropout(0.0)
    layers["fc2"] = nn.Linear(256, 10)
    for layer in layers.values():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return nn.Sequential(layers)
