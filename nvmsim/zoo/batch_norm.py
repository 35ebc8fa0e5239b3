"""Batch norm for training, and folding it away: what is stored has weights and biases alone."""

from collections import OrderedDict

import torch
from torch import Tensor, nn


def with_batch_norm(network: nn.Sequential) -> nn.Sequential:
    """Return ``network`` with a batch norm ``bnK`` behind each convolution ``convK`` (Ioffe and Szegedy 2015)."""
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


def _norm_name(conv: str) -> str:
    return conv.replace("conv", "bn")


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> nn.Conv2d:
    if norm is None:
        return conv
    result = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    scale: Tensor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    result.weight.copy_(conv.weight.double() * scale.view(-1, 1, 1, 1))
    result.bias.copy_((conv.bias.double() - norm.running_mean.double()) * scale + norm.bias.double())
    return result
