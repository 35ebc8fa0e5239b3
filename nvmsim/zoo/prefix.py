"""Start a network behind its undamaged layers: what they give for the same images is computed once and kept."""

import hashlib
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from nvmsim.zoo.tensors import StoredTensor

# 1 GiB a process, beside the half that a worker takes anyway. All 10,000 images of the MNIST network fit before any of
# its layers (0.87 GB before conv2, where there are most), those of the CIFAR-10 VGG before all but conv2 and conv4.
KEPT_BYTES = 1 << 30


@dataclass(frozen=True)
class Prefix:
    """The stages of a network before number ``depth`` (at least 1), with the weights of that checksum."""

    depth: int
    sha256: str


def stages_of(module: nn.Module) -> list[nn.Module]:
    """Return the parts that run one after the other: the children of an ``nn.Sequential``, else the whole module.

    >>> len(stages_of(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))), len(stages_of(nn.Linear(2, 3)))
    (2, 1)
    """
    own_forward = getattr(module.forward, "__func__", None) is not nn.Sequential.forward
    return [module] if own_forward or module._forward_hooks or module._forward_pre_hooks else list(module)


def prefix_of(
    module: nn.Module, tensors: Sequence[StoredTensor], layers: Sequence[str], weights: np.ndarray
) -> Prefix | None:
    """Return what stays clean in ``module`` when only ``layers`` differ from ``weights`` (float32 [n_weights]).

    None if that is nothing: where the first stage may differ, and for a module that is no ``nn.Sequential``.
    """
    stages, children = stages_of(module), dict(module.named_children())

    def stage(tensor: StoredTensor) -> int:
        child = children.get(tensor.name.partition(".")[0])
        return next((i for i, other in enumerate(stages) if other is child), 0)

    depth = min((stage(tensor) for tensor in tensors if tensor.module in layers), default=0)
    if depth == 0:
        return None
    digest = hashlib.sha256()
    for tensor in tensors:
        if stage(tensor) < depth:
            digest.update(np.ascontiguousarray(weights[tensor.start : tensor.start + tensor.size]))
    return Prefix(depth, digest.hexdigest())


class Activations:
    """Tensors kept by (group, place), ``limit_bytes`` together; what does not fit is simply not kept.

    A group is what one prefix gives, a place a batch of images. The group used longest ago makes room for the others,
    but never for itself: trials go round the same batches, and the last one must not push out the first.
    """

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._free = limit_bytes
        self._groups: OrderedDict[Hashable, dict[int, Tensor]] = OrderedDict()

    def get(self, group: Hashable, place: int) -> Tensor | None:
        """Return a copy of what is kept there, which may be written into; None if nothing is."""
        if group not in self._groups:
            return None
        self._groups.move_to_end(group)
        found = self._groups[group].get(place)
        return None if found is None else found.clone()

    def put(self, group: Hashable, place: int, values: object) -> None:
        """Keep a copy of ``values`` while there is room, unless it is no tensor or only a part of one.

        A copy of a part may lie in memory otherwise, which may decide the order of sums behind it, and so near ties.
        """
        if not isinstance(values, Tensor) or values.untyped_storage().nbytes() != values.nbytes:
            return
        if self._make_room(group, values.nbytes):
            self._groups.setdefault(group, {})[place] = values.clone()
            self._groups.move_to_end(group)
            self._free -= values.nbytes

    def _make_room(self, group: Hashable, wanted_bytes: int) -> bool:
        while wanted_bytes > self._free and (oldest := next((g for g in self._groups if g != group), None)) is not None:
            _, dropped = self._groups[oldest].popitem()
            self._free += dropped.nbytes
            if not self._groups[oldest]:
                del self._groups[oldest]
        return wanted_bytes <= self._free
