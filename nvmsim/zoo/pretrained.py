"""Begin a training with weights that others trained on ImageNet: transfer learning."""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nvmsim.errors import InputError
from nvmsim.zoo import vgg16
from nvmsim.zoo.files import DataFile, Source, locate
from nvmsim.zoo.recipe import Recipe
from nvmsim.zoo.start import unfit
from nvmsim.zoo.tensors import file_sha256
from nvmsim.zoo.trainer import Trainer

DOWNLOAD = "download"
_UNREADABLE = (SafetensorError, OSError, RuntimeError, KeyError, EOFError, ValueError, pickle.UnpicklingError)
# The file's name holds the first digits of its SHA-256, which torchvision itself checks.
_VGG16 = "vgg16-397923af.pth"
_TORCHVISION = Source(
    folder="torchvision",
    urls=("https://download.pytorch.org/models/",),
    files=(DataFile(_VGG16, 553_433_881, "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"),),
)
_ADAPT: Mapping[str, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {
    "catsdogs-vgg16": vgg16.from_torchvision,
}


@dataclass(frozen=True)
class Pretrained:
    """A state dict of torchvision in a file, .pth or .safetensors, for the network (a plug-in's name) in training."""

    path: Path
    network: str

    @classmethod
    def of(cls, where: str, network: str) -> "Pretrained":
        """Take the file ``where``, or with "download" the published one, verified; raises InputError."""
        if network not in _ADAPT:
            raise InputError(f"--pretrained: {network} has no published weights; {', '.join(_ADAPT)} has")
        path = locate(_TORCHVISION, _VGG16) if where == DOWNLOAD else Path(where)
        if not path.is_file():
            raise InputError(f"--pretrained: {where}: there is no such file; {DOWNLOAD!r} fetches the published one")
        return cls(path, network)

    def as_card(self) -> dict[str, object]:
        """Return what a card keeps: the file's checksum."""
        return {"pretrained_sha256": file_sha256(self.path)}

    def read(self, recipe: Recipe) -> Mapping[str, Tensor]:
        """Return the file's values under the network's names, for any recipe; raises InputError if it is none."""
        try:
            return _ADAPT[self.network](_state(self.path))
        except _UNREADABLE as error:
            raise unfit(self.path, error) from error

    def enter(self, trainer: Trainer, state: Mapping[str, Tensor]) -> None:
        """Put ``state`` into ``trainer``, whose other layers stay as they started; raises InputError."""
        try:
            trainer.begin_with(state)
        except RuntimeError as error:
            raise unfit(self.path, error) from error


def _state(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".safetensors":
        return load_file(path)
    # A restricted reader of tensors alone: nothing in the file is run.
    found = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(found, Mapping) or not all(isinstance(part, Tensor) for part in found.values()):
        raise RuntimeError("it is no state dict: a mapping of names to tensors")
    return found
