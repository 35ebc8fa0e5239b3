"""Batch norm for training, and folding it away: what is stored has weights and biases alone."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from nvmsim.errors import InputError


def with_batch_norm(network: nn.Sequential) -> nn.Sequential:
    """Return ``network`` with a batch norm ``bnK`` behind each convolution ``convK`` (Ioffe and Szegedy 2015).

    Raises InputError unless it is an ``nn.Sequential`` of layers used once each, whose convolutions are called
    ``conv...`` and are plain ones: undilated, of one group, with biases.
    """
    _check(network)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in network.named_children():
        layers[name] = layer
        if isinstance(layer, nn.Conv2d):
            layers[_norm_name(name)] = nn.BatchNorm2d(layer.out_channels)
    return nn.Sequential(layers)


@torch.no_grad()
def fold_batch_norm(trained: nn.Sequential) -> nn.Sequential:
    """Return a copy of ``trained`` with each batch norm folded into the convolution before it: equal in evaluation.

    A channel's kernel is scaled by gamma / sqrt(variance + eps), its bias becomes
    (bias - mean) gamma / sqrt(variance + eps) + beta.

    >>> network = with_batch_norm(nn.Sequential(OrderedDict(conv1=nn.Conv2d(1, 2, 3))))
    >>> [name for name, _ in fold_batch_norm(network).named_parameters()]
    ['conv1.weight', 'conv1.bias']
    """
    parts = dict(trained.named_children())
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in parts.items():
        if isinstance(layer, nn.BatchNorm2d):
            continue
        layers[name] = _folded(layer, parts.get(_norm_name(name))) if isinstance(layer, nn.Conv2d) else layer
    return nn.Sequential(layers)


def _check(network: nn.Module) -> None:
    problems = []
    if type(network) is not nn.Sequential or len({*map(id, network)}) < len(network):
        problems.append("must be an nn.Sequential of layers that are used once each")
    for name, part in network.named_modules():
        if isinstance(part, nn.BatchNorm2d):
            problems.append(f"{name}: is a batch norm already")
        elif isinstance(part, nn.modules.conv._ConvNd) and not _is_plain(name, part):
            problems.append(f"{name}: must be a two-dimensional convolution called conv..., in the sequence itself, "
                            "undilated, of one group, with a bias and zero padding")  # fmt: skip
    if problems:
        raise InputError([f"recipe.batch_norm: the network {problem}" for problem in problems])


def _is_plain(name: str, conv: nn.Module) -> bool:
    plain = isinstance(conv, nn.Conv2d) and conv.bias is not None and conv.padding_mode == "zeros"
    return plain and name.startswith("conv") and "." not in name and conv.groups == 1 and conv.dilation == (1, 1)


def _norm_name(conv: str) -> str:
    return "bn" + conv.removeprefix("conv")


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> nn.Conv2d:
    if norm is None:
        return conv
    result = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    scale: Tensor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    result.weight.copy_(conv.weight.double() * scale.view(-1, 1, 1, 1))
    result.bias.copy_((conv.bias.double() - norm.running_mean.double()) * scale + norm.bias.double())
    return result
