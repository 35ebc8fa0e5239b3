"""Run a stored network: one flat vector of weights in, images classified correctly out."""

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nvmsim import plugins
from nvmsim.defaults import BLOCK_IMAGES
from nvmsim.errors import InputError
from nvmsim.zoo.card import Card
from nvmsim.zoo.classify import count_classes, one_thread
from nvmsim.zoo.flat import flatten_parameters
from nvmsim.zoo.memory_format import channels_last
from nvmsim.zoo.model import Model
from nvmsim.zoo.prefix import Activations, Prefix, prefix_of, stages_of
from nvmsim.zoo.samples import Samples
from nvmsim.zoo.tensors import StoredTensor

# Images a second of the MNIST network, one core (EPYC with AVX-512, torch 2.13, best of 20 blocks), by batch:
#                        10     20     25     50    100    250    500
#   channels last     8,087  9,229  9,465  9,574  8,646  8,136  6,417
#   default layout    4,627  3,333  3,231  3,206  3,263  3,220  2,767
# Larger batches leave the cache. Weights that lie channels last too gain nothing measurable beyond that.
# The batch is fixed, because sums and so near ties may depend on it.
BATCH_IMAGES = 50
# A step of a recurrent network costs nearly the same for 50 sequences as for 500 (IMDB: 770 and 450 us a review).
BATCH_SEQUENCES = 500


class Network:
    """A network ready to classify its test set, from a card or from a user's :class:`Model`.

    ``flat`` is float32 [n_weights] and every parameter is a view of it, in the order of ``tensors``: write damaged
    weights into it and call :meth:`correct`. The source's own module and files are never changed. ``kept`` holds
    activations for several networks together (None: for this one alone).

    Raises InputError if the weights do not fit the network.
    """

    def __init__(self, source: Card | Model, *, kept: Activations | None = None) -> None:
        self.name, self.tensors = source.name, source.tensors
        self._module = _module_of(source).float().eval().requires_grad_(False)
        self._stages, self._kept = stages_of(self._module), Activations() if kept is None else kept
        self.flat: Tensor = flatten_parameters(self._module, self.tensors)
        self.flat.copy_(torch.from_numpy(source.weights.copy()))
        self._samples = _samples_of(source)
        self.classes = count_classes(self.name, self._module, self._samples)
        if self.classes != source.classes:
            raise InputError(f"model {self.name}: classes: {source.classes}: the network gives {self.classes}")
        self._order: np.ndarray | None = None
        self._order_token = object()  # names what is kept for the images in this order

    @property
    def n_weights(self) -> int:
        """Weights in ``flat``."""
        return self.flat.numel()

    @property
    def n_images(self) -> int:
        """Images of the test set."""
        return len(self._samples.labels)

    @property
    def blocks(self) -> int:
        """Blocks that the test set makes; the last one may be shorter."""
        return -(-self.n_images // BLOCK_IMAGES)

    def block_images(self, block: int) -> int:
        """Return how many images ``block`` (from 0) has."""
        return min(BLOCK_IMAGES, self.n_images - block * BLOCK_IMAGES)

    def prefix(self, layers: Sequence[str], weights: np.ndarray) -> Prefix | None:
        """Return the part before the first of ``layers`` (names of modules), holding the clean ``weights``.

        For :meth:`correct`. None where nothing lies before, and for a module that is no ``nn.Sequential``.
        """
        return prefix_of(self._module, self.tensors, layers, weights)

    def correct(self, block: int, order: np.ndarray, *, prefix: Prefix | None = None) -> int:
        """Return how many images of ``block`` of the permuted test set are classified correctly.

        ``order`` is a permutation of the images, int [n_images]; block k is its places 500 k to 500 k + 499. An
        image with a NaN among its outputs counts as wrong. Always the same batches and one thread, so that equal
        weights give equal counts on one kind of machine. With a ``prefix``, whose weights ``flat`` must hold, what
        the prefix gives is computed once and kept while there is room; the count is the same.
        """
        self._check(order)
        stop = block * BLOCK_IMAGES + self.block_images(block)
        hits = 0
        with torch.inference_mode(), one_thread():
            for start in range(block * BLOCK_IMAGES, stop, self._batch_size):
                chosen = order[start : min(start + self._batch_size, stop)]
                outputs = _run(self._stages[prefix.depth if prefix else 0 :], self._entering(chosen, start, prefix))
                labels = torch.from_numpy(self._samples.labels[chosen])
                right = (outputs.argmax(1) == labels) & ~outputs.isnan().any(1)
                hits += int(right.sum())
        return hits

    @property
    def _batch_size(self) -> int:
        images = self._samples.images
        is_text = isinstance(images, np.ndarray) and images.ndim == 2 and images.dtype == np.int64
        return BATCH_SEQUENCES if is_text else BATCH_IMAGES

    def _entering(self, chosen: np.ndarray, start: int, prefix: Prefix | None) -> Tensor:
        """Return what leaves ``prefix`` for the batch of images that begins at ``start``; it may be written into."""
        if prefix is None:
            return self._batch(chosen)
        found = self._kept.get((self._order_token, prefix), start)
        if found is None:
            found = _run(self._stages[: prefix.depth], self._batch(chosen))
            self._kept.put((self._order_token, prefix), start, found)
        return found

    def _batch(self, chosen: np.ndarray) -> Tensor:
        """Return a copy of the chosen images, which a module may write into."""
        return channels_last(torch.from_numpy(self._samples.images[chosen]))

    def _check(self, order: np.ndarray) -> None:
        if self._order is not None and np.array_equal(order, self._order):
            return
        if not np.array_equal(np.sort(order), np.arange(self.n_images)):
            raise ValueError(f"order: must be a permutation of {self.n_images} images")
        self._order, self._order_token = np.array(order), object()


def _run(stages: Sequence[nn.Module], values: Tensor) -> Tensor:
    for stage in stages:
        values = stage(values)
    return values


def _samples_of(source: Card | Model) -> Samples:
    if isinstance(source, Card):
        return source.test_set()
    return Samples(source.images, source.labels)


def _module_of(source: Card | Model) -> nn.Module:
    if not isinstance(source, Card):
        return copy.deepcopy(source.module)
    module = plugins.lookup("network", source.network)()
    problems = list(_misfits(module, source.tensors))
    if problems:
        raise InputError([f"{source.weights_path}: {problem}" for problem in problems])
    return module


def _misfits(module: nn.Module, tensors: tuple[StoredTensor, ...]) -> Iterator[str]:
    wanted = {name: tuple(p.shape) for name, p in module.named_parameters()}
    found = {tensor.name: tensor.shape for tensor in tensors}
    for name in [*wanted, *(name for name in found if name not in wanted)]:
        if name not in found:
            yield f"{name}: is missing; the network has it with shape {wanted[name]}"
        elif name not in wanted:
            yield f"{name}: the network has no such tensor"
        elif wanted[name] != found[name]:
            yield f"{name}: shape {found[name]}: the network has {wanted[name]}"
    if statistics := [name for name in module.state_dict() if name in dict(module.named_buffers())]:
        yield f"{', '.join(statistics)}: a card stores no buffers; fold them into the weights"
