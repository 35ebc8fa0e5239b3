"""What a torch module makes of an image, with one thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from nvmsim.errors import InputError
from nvmsim.zoo.samples import Samples


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, and give the caller's number back.

    Sums depend on how many threads share them, so counts are taken with one; parallel work is by process.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def count_classes(name: str, module: nn.Module, samples: Samples) -> int:
    """Classify the first image of ``samples`` and return how many classes the outputs are for.

    Raises InputError, naming the model, if module, images and labels do not fit together.
    """
    try:
        with torch.inference_mode(), one_thread():
            outputs = module(torch.from_numpy(samples.images[:1]))
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise InputError(f"model {name}: the network cannot take its test images ({error})") from error
    highest = int(samples.labels.max())
    shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if not isinstance(outputs, Tensor) or outputs.dim() != 2 or outputs.shape[1] <= highest:
        raise InputError(
            f"model {name}: the network gives {shape} for one image; must be (1, classes), classes above {highest}"
        )
    return outputs.shape[1]
