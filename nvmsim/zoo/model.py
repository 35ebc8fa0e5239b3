"""A user's own torch network with its test images."""

import copy
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import nn

from nvmsim.errors import InputError
from nvmsim.zoo.classify import count_classes
from nvmsim.zoo.flat import parameter_layout
from nvmsim.zoo.samples import ByteImages, Samples
from nvmsim.zoo.tensors import StoredTensor, check_finite


@dataclass(frozen=True, eq=False)
class Model:
    """A ``torch.nn.Module`` with the images to test it on, to be used wherever a model card is.

    ``images`` is an array or tensor [n, ...] as the module takes it (floats become float32, whole numbers int64),
    ``labels`` whole numbers [n] from 0; the module gives logits [n, classes]. The module is copied in evaluation
    mode, in float32: later changes to yours are not seen, and yours is not changed. It is sent to worker processes
    by pickle, so its class must be importable there.

    Raises InputError listing what is wrong.

    >>> Model("tiny", nn.Linear(2, 3), images=np.zeros((4, 2)), labels=[0, 1, 2, 0]).n_weights
    9
    """

    name: str
    module: nn.Module
    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        images, labels = _array(self.name, "images", self.images), _array(self.name, "labels", self.labels)
        problems = [f"model {self.name}: {problem}" for problem in _problems(self.module, images, labels)]
        if problems:
            raise InputError(problems)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "module", copy.deepcopy(self.module).cpu().float().eval())
        check_finite(self.tensors, self.weights, where=f"model {self.name}")
        count_classes(self.name, self.module, Samples(images, labels))

    @classmethod
    def from_loader(cls, name: str, module: nn.Module, loader: Iterable) -> "Model":
        """Take the images from ``loader``: a DataLoader, or anything that yields batches (images, labels)."""
        try:
            batches = [tuple(torch.as_tensor(part) for part in batch) for batch in loader]
            images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"model {name}: loader: must yield batches (images, labels) ({error})") from error
        return cls(name, module, images, labels)

    @cached_property
    def tensors(self) -> tuple[StoredTensor, ...]:
        """The stored tensors, in the order of the state dict."""
        return parameter_layout(self.module)

    @cached_property
    def weights(self) -> np.ndarray:
        """The weights, float32 [n_weights]."""
        parts = [self.module.get_parameter(t.name).detach().float().reshape(-1) for t in self.tensors]
        return torch.cat(parts).numpy()

    @property
    def n_weights(self) -> int:
        """Number of stored weights."""
        return sum(tensor.size for tensor in self.tensors)

    @cached_property
    def classes(self) -> int:
        """Number of classes that the network tells apart."""
        return count_classes(self.name, self.module, Samples(self.images, self.labels))

    @cached_property
    def weights_sha256(self) -> str:
        """A checksum of what computes: the module's structure, its weights and its buffers."""
        digest = hashlib.sha256(_structure(self.module).encode())
        for name, value in [*self.module.named_parameters(), *self.module.named_buffers()]:
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    @cached_property
    def data_sha256(self) -> str:
        """A checksum of the images and labels."""
        digest = hashlib.sha256()
        for array in (self.images, self.labels):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()


def _array(model: str, name: str, values: object) -> np.ndarray:
    try:
        tensor = torch.as_tensor(values[:] if isinstance(values, ByteImages) else values).detach().cpu()
        return (tensor.float() if tensor.is_floating_point() else tensor.long()).numpy().copy()
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"model {model}: {name}: must be an array of numbers ({error})") from error


def _structure(module: nn.Module) -> str:
    """Print the layers; an object's address in it would differ in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", f"{type(module).__qualname__} {module!r}")


def _problems(module: nn.Module, images: np.ndarray, labels: np.ndarray) -> list[str]:
    if not isinstance(module, nn.Module):
        return [f"module: {type(module).__name__}: must be a torch.nn.Module"]
    problems = []
    try:
        parameter_layout(module)
    except InputError as error:
        problems += error.problems
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or (labels.size and labels.min() < 0):
        problems.append(f"labels: {labels.dtype} {labels.shape}: must be whole numbers from 0, one an image")
    elif images.ndim < 2 or len(images) != len(labels) or not len(labels):
        problems.append(f"images: shape {images.shape}: must be one or more images, as many as labels ({len(labels)})")
    return problems
