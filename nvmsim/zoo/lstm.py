"""A layer of LSTM units with one bias a gate, which passes quickly over the padding in front of a sequence."""

import math

import torch
from torch import Tensor, nn

_SEGMENT_STEPS = 8  # sequences join the computation at multiples of this


class Lstm(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997): float32 [n, steps, inputs] in, last output [n, units].

    ``bias`` stands for torch's ``bias_ih + bias_hh``, which only ever act as their sum. Gates lie in the order input,
    forget, cell, output. Weights start as in Keras: Glorot's uniform, an orthogonal recurrent matrix, forget bias 1.

    Sequences that begin with the same constant step, repeated (padding), share one computation of that beginning.

    >>> sum(weight.numel() for weight in Lstm(32, 100).parameters())
    53200
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.weight_ih = nn.Parameter(torch.empty(4 * units, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * units, units))
        self.bias = nn.Parameter(torch.zeros(4 * units))
        bound = math.sqrt(6 / (inputs + 4 * units))
        nn.init.uniform_(self.weight_ih, -bound, bound)
        nn.init.orthogonal_(self.weight_hh)
        nn.init.ones_(self.bias[units : 2 * units].detach())

    def extra_repr(self) -> str:
        """Say the sizes, which belong to what a checksum of the structure covers."""
        return f"{self.weight_ih.shape[1]}, {self.units}"

    def forward(self, sequences: Tensor) -> Tensor:
        """Return the output after the last step."""
        steps = sequences.shape[1]
        padding, start = leading_padding(sequences)
        order = start.argsort(stable=True)
        rows = sequences[order]
        waiting = start[order].contiguous()
        state = sequences.new_zeros(2, 1, self.units)  # of the padding alone, in front of the sequences that joined
        for first in range(0, steps, _SEGMENT_STEPS):
            last = min(first + _SEGMENT_STEPS, steps)
            joined = len(rows) if last == steps else int(torch.searchsorted(waiting, last))
            new = state[:, :1].expand(2, joined + 1 - state.shape[1], self.units)
            inputs = torch.cat([padding.expand(1, last - first, -1), rows[:joined, first:last]])
            state = self._run(inputs, torch.cat([state, new], dim=1))
        return torch.empty_like(state[0, 1:]).index_copy(0, order, state[0, 1:])

    def _run(self, inputs: Tensor, state: Tensor) -> Tensor:
        weights = [self.weight_ih, self.weight_hh, self.bias, torch.zeros_like(self.bias)]
        start = tuple(part.unsqueeze(0).contiguous() for part in state)
        _, hidden, cell = torch.lstm(inputs, start, weights, True, 1, 0.0, self.training, False, True)
        return torch.cat([hidden, cell])


def leading_padding(sequences: Tensor) -> tuple[Tensor, Tensor]:
    """Return the step that pads the most padded sequence in front, and how many leading steps of each equal it.

    ``sequences`` is [n, steps, inputs]; returns [inputs] and int64 [n].

    >>> sequences = torch.tensor([[7, 7, 1], [2, 2, 3], [7, 7, 7]]).unsqueeze(2)
    >>> [part.tolist() for part in leading_padding(sequences)]
    [[7], [2, 0, 3]]
    """
    # amin over bytes is several times as fast as all()
    constant = (sequences == sequences[:, :1]).view(torch.uint8).amin(2).cumprod(1).sum(1)
    padding = sequences[constant.argmax(), 0]
    return padding, torch.where((sequences[:, 0] == padding).all(1), constant, 0)
