"""The optimiser of a training, with its state as flat vectors that a checkpoint can keep."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from nvmsim.zoo.recipe import Recipe

_BETA_2 = 0.999  # the default of Kingma and Ba (2015)


class Optimizer:
    """SGD with Nesterov momentum, or Adam with decoupled weight decay (Loshchilov and Hutter 2019), as ``recipe`` says.

    Biases and scales are not held back by weight decay.
    """

    def __init__(self, module: nn.Module, recipe: Recipe) -> None:
        self._parameters = list(module.parameters())
        groups = [
            {"params": [part], "weight_decay": recipe.weight_decay if part.dim() > 1 else 0.0}
            for part in self._parameters
        ]
        if recipe.adam:
            self._torch = torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.momentum, _BETA_2))
            self._slots = {"momentum": "exp_avg", "variance": "exp_avg_sq"}
        else:
            nesterov = recipe.momentum > 0
            self._torch = torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=nesterov)
            self._slots = {"momentum": "momentum_buffer"}
        size = sum(part.numel() for part in self._parameters)
        self.restore({name: np.zeros(size, np.float32) for name in self._slots}, step=0)

    def take(self, rate: float, loss: Tensor) -> None:
        """Take one step against the gradient of ``loss`` at the learning rate ``rate``."""
        for group in self._torch.param_groups:
            group["lr"] = rate
        self._torch.zero_grad()
        loss.backward()
        self._torch.step()

    def vectors(self) -> dict[str, np.ndarray]:
        """Return copies of the state: ``momentum`` and ``variance``, float32 [n_weights], the latter empty for SGD."""
        states = [self._torch.state[part] for part in self._parameters]
        found = {name: torch.cat([s[slot].reshape(-1) for s in states]) for name, slot in self._slots.items()}
        empty = {"variance": np.zeros(0, np.float32)}
        return empty | {name: vector.numpy().copy() for name, vector in found.items()}

    def restore(self, vectors: Mapping[str, np.ndarray], *, step: int) -> None:
        """Take over a state after ``step`` steps."""
        sizes = [part.numel() for part in self._parameters]
        split = {slot: torch.from_numpy(vectors[name].copy()).split(sizes) for name, slot in self._slots.items()}
        for k, part in enumerate(self._parameters):
            state = {slot: parts[k].view(part.shape) for slot, parts in split.items()}
            # Both kinds take a state with a count of steps; only Adam reads it.
            self._torch.state[part] = {**state, "step": torch.tensor(float(step))}
