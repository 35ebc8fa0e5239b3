"""Enter a recipe at a later stage, with weights that an earlier training left."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from nvmsim.errors import InputError
from nvmsim.zoo.recipe import Recipe
from nvmsim.zoo.tensors import file_sha256
from nvmsim.zoo.trainer import Trainer


@dataclass(frozen=True)
class Start:
    """A safetensors file of the network in training (with its batch norm, if any), and the stage (from 0) it enters."""

    path: Path
    stage: int

    def as_card(self) -> dict[str, object]:
        """Return what a card keeps: the file's checksum, and the stage."""
        return {"sha256": file_sha256(self.path), "stage": self.stage}

    def read(self, recipe: Recipe) -> Mapping[str, torch.Tensor]:
        """Return the file's state dict; raises InputError if it cannot be read, or the recipe has no such stage."""
        stages = len(recipe.stages)
        if not 0 <= self.stage < stages:
            raise InputError(f"--stage: {self.stage}: the recipe has {stages} stages, from 0")
        try:
            return load_file(self.path)
        except (SafetensorError, OSError) as error:
            raise unfit(self.path, error) from error

    def enter(self, trainer: Trainer, state: Mapping[str, torch.Tensor]) -> None:
        """Put ``state`` into ``trainer``; raises InputError if file, network and recipe do not fit together."""
        try:
            buffers = {name: part for name, part in trainer.module.named_buffers() if "num_batches" in name}
            trainer.begin_at(self.stage, {**buffers, **{name: torch.as_tensor(part) for name, part in state.items()}})
        except RuntimeError as error:
            raise unfit(self.path, error) from error


def unfit(path: Path, error: Exception) -> InputError:
    """Return the error for a file that no training can start from."""
    return InputError(f"{path}: cannot be the start of this training ({' '.join(str(error).split())})")
