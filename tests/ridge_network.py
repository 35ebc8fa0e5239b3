"""A small real network for the accuracy tests: random features and ridge regression on MNIST images, no training."""

from functools import cache

import numpy as np
import torch
from torch import nn

from nvmsim.accuracy.task import Task
from nvmsim.device.layout import PageLayout
from nvmsim.device.parts import EccSpec, Retry
from nvmsim.inject.sampler import rung_for
from nvmsim.zoo.datasets import test_set
from nvmsim.zoo.model import Model

HIDDEN = 64
BCH = EccSpec("bch", 64, 9, 7, None, None, 1e-15, 1, 1.0, 1.0, Retry(0, 1.0))


@cache
def ridge_model(images: int = 2000) -> Model:
    """Fit on the images behind the first ``images``, test on those: about 73 % right, 1 ms a block."""
    pixels, labels = (part[: 2 * images] for part in test_set("mnist"))
    flat = pixels.reshape(len(pixels), -1)
    random = np.random.default_rng(1)
    first = (random.standard_normal((HIDDEN, 784)) / 28).astype(np.float32)
    hidden = np.maximum(flat @ first.T, 0)
    wanted = np.eye(10, dtype=np.float32)[labels]
    train = hidden[images:]
    last = np.linalg.solve(train.T @ train + np.eye(HIDDEN), train.T @ wanted[images:]).T.astype(np.float32)
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    with torch.no_grad():
        for layer, values in ((module[1], first), (module[3], last)):
            layer.weight.copy_(torch.from_numpy(values))
            layer.bias.zero_()
    return Model("ridge", module, pixels[:images], labels[:images])


def ridge_layout(mode: str = "bypass", **changes) -> PageLayout:
    """Small pages, so that the 50,890 weights fill 199."""
    page = {
        "user_bytes": 512,
        "spare_bytes": 136,
        "metadata_bytes": 8,
        "channels": 2,
        "dies_per_channel": 2,
        "planes_per_die": 2,
        "page_types": 3,
        "scrambler": True,
    }
    return PageLayout(mode=mode, **page | changes)


def ridge_task(encoding: str = "binary:16", *, rber: float = 1e-3, mode: str = "bypass", ecc=None, **changes) -> Task:
    """A task on the ridge network at one RBER for all bits."""
    model = ridge_model()
    settings = {
        "rates": ((rber, rber),) * 3,
        "range_scope": "global",
        "rung_rber": rung_for(rber),
        "layout": ridge_layout(mode),
        "seed": 7,
        "order_seed": 3,
    }
    known = {"model": "ridge", "weights_sha256": model.weights_sha256, "data_sha256": model.data_sha256}
    return Task(encoding=encoding, ecc=ecc, **known, **settings | changes)
