"""The training loop: steps that depend on (recipe, data, step) alone."""

import copy
import time
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from nvmsim.zoo.augment import augment
from nvmsim.zoo.batch_norm import fold_batch_norm, with_batch_norm
from nvmsim.zoo.checkpoint import Checkpoint
from nvmsim.zoo.datasets import Input, Samples
from nvmsim.zoo.flat import flatten_parameters, parameter_layout
from nvmsim.zoo.memory_format import channels_last
from nvmsim.zoo.optimizer import Optimizer
from nvmsim.zoo.recipe import Recipe, derived_seed

# What a seed is derived for.
_INIT, _ORDER, _STEP = range(3)


class Trainer:
    """A network in training; :meth:`run` yields after every step, and any step may be the last before a resume.

    ``build`` makes the network; ``samples`` are raw: images float32 [n, c, h, w] with background 0, which ``given``,
    a card's input, says how to normalise after augmentation, or words int64 [n, length].

    Random numbers are indexed by what is drawn (order of an epoch, changes and dropout of a step), so a checkpoint
    needs no generator state, and a resumed training equals an undisturbed one bit for bit.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        recipe: Recipe,
        samples: Samples,
        given: Input,
    ) -> None:
        torch.manual_seed(derived_seed(recipe.seed, _INIT, 0))
        self.module = (with_batch_norm(build()) if recipe.batch_norm else build()).train()
        self.recipe, self.images, self.labels = recipe, samples.images, torch.from_numpy(samples.labels)
        self.given = given
        self.tensors = parameter_layout(self.module)
        self.flat = flatten_parameters(self.module, self.tensors)
        self.average = self.flat.clone()
        self.step, self.seconds, self.loss = 0, 0.0, float("nan")
        self.torch = (str(torch.__version__),)
        _set_dropout(self.module, recipe.dropout)
        self.optimizer = Optimizer(self.module, recipe)

    @property
    def steps_per_epoch(self) -> int:
        """Steps an epoch; the last one may be a smaller batch."""
        return -(-len(self.labels) // self.recipe.batch)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.steps_per_epoch * self.recipe.epochs

    def run(self) -> Iterator[int]:
        """Train to the end, yielding the number of steps done after each."""
        order, epoch_of_order = None, -1
        while self.step < self.steps:
            started = time.perf_counter()
            epoch, k = divmod(self.step, self.steps_per_epoch)
            if epoch != epoch_of_order:
                order, epoch_of_order = self._order(epoch), epoch
            self._train(order[k * self.recipe.batch : (k + 1) * self.recipe.batch])
            self.step += 1
            self.seconds += time.perf_counter() - started
            yield self.step

    def _order(self, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(derived_seed(self.recipe.seed, _ORDER, epoch))
        return torch.randperm(len(self.labels), generator=generator)

    def _train(self, chosen: Tensor) -> None:
        seed = derived_seed(self.recipe.seed, _STEP, self.step)
        chosen_images = torch.from_numpy(self.images[chosen.numpy()])
        images = self._prepared(chosen_images, torch.Generator().manual_seed(seed))
        torch.manual_seed(seed)  # dropout draws from torch's global generator
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bfloat16):
            loss = functional.cross_entropy(self.module(images), self.labels[chosen],
                                            label_smoothing=self.recipe.label_smoothing)  # fmt: skip
        self.optimizer.take(self.recipe.learning_rate(self.step, self.steps), loss)
        self.loss = loss.item()
        # The average forgets the random start faster than its final decay would.
        decay = min(self.recipe.average_decay, (self.step + 1) / (self.step + 10))
        self.average.lerp_(self.flat, 1 - decay)

    def _prepared(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment, resize as the stage says, and normalise; words stay as they are."""
        if not images.is_floating_point():
            return images
        images = augment(images, self.recipe, generator)
        found = self.recipe.stage_of(self.step // self.steps_per_epoch)
        if found and found[0].size_px != images.shape[-1]:
            size = (found[0].size_px,) * 2
            images = functional.interpolate(images, size, mode="bilinear", antialias=True)
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (self.given.mean, self.given.std))
        return channels_last((images - mean) / std)

    def begin_at(self, stage: int, state: Mapping[str, Tensor]) -> None:
        """Begin at a stage (from 0) of the recipe with the trained ``state``, a state dict of the module in training.

        Raises RuntimeError if it does not fit the module.
        """
        self.module.load_state_dict(state)
        self.average.copy_(self.flat)
        self.step = self.steps_per_epoch * sum(s.epochs for s in self.recipe.stages[:stage])

    def begin_with(self, state: Mapping[str, Tensor]) -> None:
        """Begin with trained values of some parameters; raises RuntimeError if one does not fit the module."""
        unknown = self.module.load_state_dict(state, strict=False).unexpected_keys
        if unknown:
            raise RuntimeError(f"the network has no {', '.join(unknown)}")
        self.average.copy_(self.flat)

    def checkpoint(self, identity: str) -> Checkpoint:
        """Return copies of all state; between steps only."""
        statistics = torch.cat([torch.zeros(0), *(part.view(-1) for part in self._statistics())])
        vectors = {"weights": self.flat, "average": self.average, "buffers": statistics}
        copies = {name: vector.numpy().copy() for name, vector in vectors.items()}
        return Checkpoint(self.step, self.seconds, identity, copies | self.optimizer.vectors(), self.torch)

    def restore(self, saved: Checkpoint) -> None:
        """Continue from ``saved``."""
        self.step, self.seconds = saved.step, saved.seconds
        self.torch = tuple(dict.fromkeys((*saved.torch, *self.torch)))
        self.flat.copy_(torch.from_numpy(saved.vectors["weights"]))
        self.average.copy_(torch.from_numpy(saved.vectors["average"]))
        self.optimizer.restore(saved.vectors, step=saved.step)
        parts = self._statistics()
        saved_parts = torch.from_numpy(saved.vectors["buffers"]).split([part.numel() for part in parts])
        for part, values in zip(parts, saved_parts, strict=True):
            part.copy_(values)

    def _statistics(self) -> list[Tensor]:
        """Return the running statistics of batch norm; its count of batches is not used."""
        return [buffer for buffer in self.module.buffers() if buffer.is_floating_point()]

    def result(self) -> nn.Module:
        """Return the network to hand out, in evaluation mode: the running average, batch norm folded."""
        module = copy.deepcopy(self.module)
        flatten_parameters(module, self.tensors).copy_(self.average)
        return (fold_batch_norm(module) if self.recipe.batch_norm else module).eval()


def _set_dropout(module: nn.Module, rate: float) -> None:
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = rate
