"""The recurrent network for IMDB reviews: 216,405 weights (paper, Table V)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from nvmsim.zoo.lstm import Lstm

WORDS, LENGTH = 5000, 500
_WIDTH, _TAPS, _POOL = 32, 3, 4


class ImdbLstm(nn.Module):
    """Word indices int64 [n, 500] in, logits [n, 2] (negative, positive) out.

    An embedding of 5,000 words, 32 one-dimensional convolutions over 3 words without padding, max pooling of 4, 100
    LSTM units and one output (paper, Table V). Weights start as in Keras (see `mnist_cnn`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, _WIDTH)
        self.conv1 = nn.Conv1d(_WIDTH, _WIDTH, _TAPS)
        self.lstm = Lstm(_WIDTH, 100)
        self.fc = nn.Linear(100, 1)
        self.dropout = nn.Dropout(0.0)
        nn.init.uniform_(self.embedding.weight, -0.05, 0.05)
        for layer in (self.conv1, self.fc):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, words: Tensor) -> Tensor:
        """Return the logits; that of the negative class is 0, or no number where the other is none."""
        features = self._trained_features(words) if self.training else self._features(words)
        steps = features.shape[1] // _POOL
        pooled = features[:, : steps * _POOL].unflatten(1, (steps, _POOL)).amax(2).relu()
        logit = self.fc(self.dropout(self.lstm(pooled)))
        return torch.cat([logit * 0, logit], dim=1)

    def _trained_features(self, words: Tensor) -> Tensor:
        return self.conv1(self.dropout(self.embedding(words)).transpose(1, 2)).transpose(1, 2)

    def _features(self, words: Tensor) -> Tensor:
        """Convolve [n, 500] to [n, 498, 32]: the sum of a vector a word and tap, each looked up in a table.

        Six times as fast as an embedding followed by a convolution, and equal but for the order of additions.
        """
        table = torch.einsum("wi,oik->kwo", self.embedding.weight, self.conv1.weight).reshape(-1, _WIDTH)
        length = words.shape[1] - _TAPS + 1
        places = torch.stack([words[:, k : k + length] + k * WORDS for k in range(_TAPS)], dim=2)
        sums = functional.embedding_bag(places.view(-1, _TAPS), table, mode="sum")
        return (sums + self.conv1.bias).view(len(words), length, _WIDTH)


def build() -> nn.Module:
    """Return the untrained network.

    >>> sum(weight.numel() for weight in build().parameters())
    216405
    """
    return ImdbLstm()
