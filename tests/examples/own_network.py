"""A network of your own, in two ways: a torch module with its loader, or a plug-in that a card names.

Copy this file and change ``build`` and ``loader``. From Python, give the model wherever nvmsim takes one:

    nvmsim.run("tlc", model=own_model())

To use it from the command line, give the network a name, and write a card.yaml with ``network: template`` and the
safetensors file of its weights beside it (``nvmsim train`` writes both from a recipe); then ``--model FOLDER``. A
package that should work without the import names ``build`` in its pyproject.toml instead of calling ``register``:

    [project.entry-points."nvmsim.network"]
    template = "my_package.own_network:build"
"""

from torch import nn, tensor
from torch.utils.data import DataLoader, TensorDataset

from nvmsim.plugins import register
from nvmsim.zoo.datasets import test_set as load_test_set
from nvmsim.zoo.model import Model


def build() -> nn.Module:
    """Return the untrained network: images [n, 1, 28, 28] in, logits [n, 10] out."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def own_model() -> Model:
    """Return the network with weights that recognise digits, and 5,000 images to test it on."""
    images, labels = (tensor(array) for array in load_test_set("mnist"))
    module = build()
    # Weights from anywhere will do. Here: the mean image of each digit, for the nearest of ten templates.
    for digit in range(10):
        mean = images[:5000][labels[:5000] == digit].mean(0).flatten()
        module[1].weight.data[digit] = mean
        module[1].bias.data[digit] = -mean.square().sum() / 2
    loader = DataLoader(TensorDataset(images[5000:], labels[5000:]), batch_size=256)
    return Model.from_loader("template", module, loader)


register("network", "template", build)
