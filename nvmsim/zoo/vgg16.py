"""VGG-16's convolutions with a small head for two classes, for photos of cats and dogs (paper, Section IV.D)."""

from collections.abc import Mapping

from torch import Tensor, nn

from nvmsim.zoo.vgg import convolutions, he_normal

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# Where torchvision's vgg16 has its convolutions among its features.
_TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def build() -> nn.Module:
    """Return the untrained network: float32 [n, 3, 224, 224] in, logits [n, 2] (cat, dog) out; 21,137,986 weights.

    The thirteen convolutions and five pools of VGG-16 (Simonyan and Zisserman 2014, configuration D), then 256 units
    and two outputs. The paper names no head; this is the one of Keras' guide to transfer learning on these photos.
    Smaller images have smaller maps, which are averaged to 7x7.

    >>> sum(weight.numel() for weight in build().parameters())
    21137986
    """
    layers = convolutions(_BLOCKS)
    channels = _BLOCKS[-1][-1]
    layers["average"] = nn.AdaptiveAvgPool2d(7)
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(49 * channels, 256)
    layers["relu_fc1"] = nn.ReLU(inplace=True)
    layers["dropout"] = nn.Dropout(0.0)
    layers["fc2"] = nn.Linear(256, 2)
    network = nn.Sequential(layers)
    he_normal(network)
    return network


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the convolutions' part of a ``vgg16`` state dict of torchvision, under the names used here.

    Raises KeyError, naming it, if a tensor is missing.
    """
    names = [(f"conv{k + 1}.{part}", f"features.{index}.{part}")
             for k, index in enumerate(_TORCHVISION) for part in ("weight", "bias")]  # fmt: skip
    return {ours: state[theirs] for ours, theirs in names}
