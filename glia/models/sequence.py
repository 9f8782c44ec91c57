"""Classifiers of texts: a recurrent network, and the sum of what every word says by itself."""

from __future__ import annotations

from glia import nn
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr
from glia.tensor.tensor import Tensor

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class SequenceClassifier(nn.Module):
    """Numbers of words → embedding → recurrent layer → last hidden state → a score per class.

    The last state is that of each text's own last word, not of the padding (number 0) behind it.

    Args:
        words: size of the vocabulary.
        classes: how many there are.
        cell: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        embedding: size of a word's vector.
        hidden: size of the hidden state.
        dropout: probability of dropping an element of a word's vector, or of the last state.

    Shape:
        (N, L) whole numbers → (N, classes).

    Example:
        >>> import glia as gl
        >>> net = SequenceClassifier(100, cell="gru")
        >>> net(gl.tensor([[5, 7, 9, 0], [3, 0, 0, 0]])).shape
        (2, 2)
    """

    def __init__(
        self,
        words: int,
        classes: int = 2,
        cell: str = "lstm",
        embedding: int = 64,
        hidden: int = 64,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            what = tr(
                f"SequenceClassifier: expected cell rnn, lstm or gru, found {cell!r}.",
                f"SequenceClassifier：cell 应为 rnn、lstm 或 gru，得到 {cell!r}。",
            )
            raise ArgumentError(teach(what))
        self.embedding = nn.Embedding(words, embedding, padding_idx=0)
        self.cell = CELLS[cell](embedding, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, classes)

    def states(self, x: Tensor) -> Tensor:
        """The hidden state after every word: (N, L) → (N, L, hidden)."""
        return self.cell(self.dropout(self.embedding(x)))[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(last_state(self.states(x), lengths(x))))


class WordVotes(nn.Module):
    """Logistic regression on a bag of words: every word adds its own scores.

    Shape:
        (N, L) whole numbers → (N, classes).

    Example:
        >>> import glia as gl
        >>> net = WordVotes(words=5)
        >>> net(gl.tensor([[1, 2, 0], [4, 0, 0]]))
        tensor([[0., 0.],
                [0., 0.]], requires_grad=True)
    """

    def __init__(self, words: int, classes: int = 2) -> None:
        super().__init__()
        self.votes = nn.Embedding(words, classes, padding_idx=0)
        self.bias = nn.Parameter([0.0] * classes)
        nn.init.zeros_(self.votes.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.votes(x).sum(1) + self.bias


def lengths(x: Tensor) -> Tensor:
    """How many words each text has, padding apart: (N, L) → (N,)."""
    return (x != 0).long().sum(1)


def last_state(states: Tensor, lengths: Tensor) -> Tensor:
    """The state after each text's last word: (N, L, H), (N,) → (N, H)."""
    n, _, size = states.shape
    at = (lengths - 1).clamp(min=0).reshape(n, 1, 1).expand(n, 1, size)
    return states.gather(1, at).reshape(n, size)
