"""How a network is trained: the numbers of a card's ``recipe``."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from nvmsim.errors import InputError
from nvmsim.zoo.stage import Stage, stages_problems

# Lowest and highest allowed value of each number; integers are the fields annotated as int.
_BOUNDS = {
    "epochs": (1, 10_000),
    "batch": (1, 65_536),
    "seed": (0, 2**63 - 1),
    "threads": (1, 1024),
    "lr": (0.0, 10.0),
    "warmup": (0.0, 1.0),
    "momentum": (0.0, 0.9999),
    "weight_decay": (0.0, 1.0),
    "label_smoothing": (0.0, 0.9999),
    "dropout": (0.0, 0.9999),
    "average_decay": (0.0, 0.999999),
    "flip": (0.0, 1.0),
    "crop_px": (0, 64),
    "rotate_deg": (0.0, 180.0),
    "scale": (0.0, 0.9),
    "shear_deg": (0.0, 80.0),
    "shift_px": (0.0, 1024.0),
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the trained weights, besides network and data.

    SGD with Nesterov momentum, or with ``adam`` Adam (Kingma and Ba 2015) with ``momentum`` as its beta 1; the
    learning rate climbs linearly to ``lr`` over the fraction ``warmup`` of the steps and falls along a half cosine to
    zero; ``average_decay`` is the decay a step of the running average of the weights, which is what training hands out
    (0: the last weights themselves). Each image is turned, scaled (by 1 ± ``scale``), sheared and shifted by uniform
    amounts within the given ranges, moved by up to ``crop_px`` whole pixels (its edges mirrored) and, with probability
    ``flip``, mirrored left to right.

    ``stages``, where given, take the place of ``lr`` and ``warmup``: each has its own size of images and learning
    rates; ``epochs`` is their sum. ``weight_decay`` holds back matrices and kernels, not biases. ``batch_norm`` trains
    with batch norm behind each convolution, folded into it at the end; ``bfloat16`` multiplies in bfloat16.
    ``pretrained`` says that the training begins with weights trained on ImageNet.
    """

    epochs: int
    batch: int = 128
    lr: float = 0.05
    warmup: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    dropout: float = 0.0
    average_decay: float = 0.0
    rotate_deg: float = 0.0
    scale: float = 0.0
    shear_deg: float = 0.0
    shift_px: float = 0.0
    flip: float = 0.0
    crop_px: int = 0
    adam: bool = False
    batch_norm: bool = False
    bfloat16: bool = False
    pretrained: bool = False
    seed: int = 0
    threads: int = 1
    stages: tuple[Stage, ...] = ()

    @classmethod
    def from_card(cls, values: Mapping[str, object], where: str = "recipe") -> "Recipe":
        """Check ``values``; raise InputError with every problem.

        >>> Recipe.from_card({"epochs": 20, "lr": 0.05}).epochs
        20
        >>> Recipe.from_card({"epochs": 0, "speed": 1})
        Traceback (most recent call last):
        nvmsim.errors.InputError: recipe.speed: unknown key; known are epochs, batch, lr, warmup, momentum, \
weight_decay, label_smoothing, dropout, average_decay, rotate_deg, scale, shear_deg, shift_px, flip, crop_px, \
adam, batch_norm, bfloat16, pretrained, seed, threads, stages
        recipe.epochs: 0: must be a whole number from 1 to 10000
        """
        known = {field.name: field.type for field in fields(cls)}
        problems = [f"{where}.{key}: unknown key; known are {', '.join(known)}" for key in values if key not in known]
        if "epochs" not in values:
            problems.append(f"{where}.epochs: is missing")
        numbers = {key: value for key, value in values.items() if key in known and key != "stages"}
        problems += filter(None, (_problem(where, key, value, known[key]) for key, value in numbers.items()))
        problems += stages_problems(values.get("stages", []), values.get("epochs"), where=f"{where}.stages")
        if values.get("batch_norm") is True and values.get("average_decay"):
            problems.append(f"{where}.average_decay: must be 0 with batch_norm: its statistics are not averaged")
        if problems:
            raise InputError(problems)
        stages = tuple(Stage(**stage) for stage in values.get("stages", []))
        return cls(**{key: known[key](value) for key, value in numbers.items()}, stages=stages)

    def as_card(self) -> dict[str, object]:
        """Return all numbers as plain data, defaults included."""
        return {**asdict(self), "stages": [asdict(stage) for stage in self.stages]}

    def stage_of(self, epoch: int) -> tuple[Stage, int] | None:
        """Return the stage that ``epoch`` (from 0) belongs to and the stage's first epoch; None without stages."""
        first = 0
        for stage in self.stages:
            if epoch < first + stage.epochs:
                return stage, first
            first += stage.epochs
        return None

    def learning_rate(self, step: int, steps: int) -> float:
        """Return the learning rate of ``step`` (from 0) of ``steps``.

        >>> [round(Recipe(epochs=1, lr=0.1, warmup=0.5).learning_rate(step, 4), 3) for step in range(4)]
        [0.05, 0.1, 0.1, 0.05]
        """
        if self.stages:
            epochs_done = step * self.epochs / steps
            stage, first = self.stage_of(int(epochs_done))
            return stage.learning_rate((epochs_done - first) / stage.epochs)
        rising = self.warmup * steps
        if step + 1 <= rising:
            return self.lr * (step + 1) / rising
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1.0, steps - rising)))


def _problem(where: str, key: str, value: object, kind: type) -> str | None:
    if kind is bool:
        return None if isinstance(value, bool) else f"{where}.{key}: {value!r}: must be true or false"
    low, high = _BOUNDS[key]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = kind is int
    if number and low <= value <= high and not (whole and value != int(value)):
        return None
    return f"{where}.{key}: {value!r}: must be a {'whole ' if whole else ''}number from {low:g} to {high:g}"


def derived_seed(seed: int, purpose: int, index: int) -> int:
    """Return a 32-bit seed for what is drawn (``purpose``, ``index``), so that no generator state needs keeping.

    >>> derived_seed(1, 0, 0) == derived_seed(1, 0, 0) != derived_seed(1, 0, 1)
    True
    """
    return int(np.random.SeedSequence([seed, purpose, index]).generate_state(1)[0])
