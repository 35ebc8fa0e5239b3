"""The VGG-like convolutional network for CIFAR-10: 2,786,890 weights (paper, Table III)."""

from torch import nn

from nvmsim.zoo.vgg import convolutions, he_normal

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256))


def build() -> nn.Module:
    """Return the untrained network: float32 [n, 3, 32, 32] in, logits [n, 10] out.

    Seven 3x3 convolutions with padding and three 2x2 max pools, two fully connected layers (paper, Table III). The
    last pool's 4x4 map is averaged to 4x4, which changes nothing; smaller images, which training may start with, have
    smaller maps there. Kernels start from He's normal distribution, the fully connected layers from torch's default.

    >>> sum(weight.numel() for weight in build().parameters())
    2786890
    """
    layers = convolutions(_BLOCKS)
    channels = _BLOCKS[-1][-1]
    layers["average"] = nn.AdaptiveAvgPool2d(4)
    layers["flatten"] = nn.Flatten()
    layers["dropout1"] = nn.Dropout(0.0)
    layers["fc1"] = nn.Linear(16 * channels, 256)
    layers["relu_fc1"] = nn.ReLU(inplace=True)
    layers["dropout2"] = nn.Dropout(0.0)
    layers["fc2"] = nn.Linear(256, 10)
    network = nn.Sequential(layers)
    he_normal(network)
    return network
