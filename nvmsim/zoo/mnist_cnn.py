"""The convolutional network for MNIST: 329,962 weights (paper, Table I)."""

from collections import OrderedDict

from torch import nn


def build() -> nn.Module:
    """Return the untrained network: float32 [n, 1, 28, 28] in, logits [n, 10] out.

    Four 3x3 convolutions without padding, two 2x2 max pools, two fully connected layers (paper, Table I). Weights
    start from Glorot's uniform distribution and biases from 0: the paper's tables have the form of Keras' summaries,
    and those are Keras' defaults. How wide the layers start decides how much of the global range each one uses.
    Dropout has no weights and is the identity outside training; its rate comes from the card's recipe.

    >>> sum(weight.numel() for weight in build().parameters())
    329962
    """
    # A max pool commutes with ReLU, and a ReLU behind the pool has a quarter of the values to visit.
    layers = [
        ("conv1", nn.Conv2d(1, 32, 3)),
        ("relu1", nn.ReLU(inplace=True)),
        ("conv2", nn.Conv2d(32, 32, 3)),
        ("pool2", nn.MaxPool2d(2)),
        ("relu2", nn.ReLU(inplace=True)),
        ("conv3", nn.Conv2d(32, 64, 3)),
        ("relu3", nn.ReLU(inplace=True)),
        ("conv4", nn.Conv2d(64, 64, 3)),
        ("pool4", nn.MaxPool2d(2)),
        ("relu4", nn.ReLU(inplace=True)),
        ("flatten", nn.Flatten()),
        ("dropout4", nn.Dropout(0.0)),
        ("fc5", nn.Linear(1024, 256)),
        ("relu5", nn.ReLU(inplace=True)),
        ("dropout5", nn.Dropout(0.0)),
        ("fc6", nn.Linear(256, 10)),
    ]
    network = nn.Sequential(OrderedDict(layers))
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
    return network
