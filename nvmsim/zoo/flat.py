"""One flat buffer behind all parameters of a torch module."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nvmsim.errors import InputError
from nvmsim.zoo.tensors import StoredTensor, lay_out


def parameter_layout(module: nn.Module) -> tuple[StoredTensor, ...]:
    """Return the tensors that ``module`` stores, in the order of its state dict.

    A parameter used in two places (tied weights) is stored once, under its first name; buffers such as running
    statistics are not stored. Raises InputError if a parameter is not floating-point, or there is none.
    """
    named = list(module.named_parameters())
    problems = [f"parameter {name}: {problem}" for name, p in named if (problem := _problem(p))]
    if problems or not named:
        raise InputError(problems or "network: it has no parameters to store")
    return lay_out((name, tuple(p.shape)) for name, p in named)


def _problem(parameter: nn.Parameter) -> str | None:
    if nn.parameter.is_lazy(parameter):
        return "has no shape yet; run the network once before"
    return None if parameter.is_floating_point() else f"{parameter.dtype}: only floating-point weights can be stored"


def flatten_parameters(module: nn.Module, tensors: Sequence[StoredTensor]) -> Tensor:
    """Move the parameters of ``module`` into one float32 buffer [n_weights], laid out as ``tensors`` say.

    The parameters become views of the buffer, so that writing to it changes the network.
    """
    flat = torch.empty(sum(t.size for t in tensors), dtype=torch.float32)
    for tensor in tensors:
        parameter = module.get_parameter(tensor.name)
        view = flat[tensor.start : tensor.start + tensor.size].view(tensor.shape)
        view.copy_(parameter.detach())
        parameter.data = view
    return flat
