"""Chinese text for networks: cut into words, words numbered, numbers in rows of one length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glia.base.errors import ArgumentError, DataError, teach
from glia.base.i18n import tr

PAD, UNKNOWN = "<pad>", "<unk>"
#: Words that a dictionary may hold; more is a mistake.
_MOST_WORDS = 10_000_000


class Segmenter:
    """Cuts Chinese text into words, simplified or traditional.

    rjieba cuts (the most probable path through a dictionary of 350,000 words, and a hidden Markov
    model for what is not in it). Traditional text is looked up in its simplified form (OpenCC), so
    that both are cut alike; the words keep the form they were written in. Blanks are dropped.

    Args:
        words: additions to the dictionary: a word, or a word and its frequency. A word of
            frequency 0 is always cut apart.

    Example:
        >>> from glia.data.text import Segmenter
        >>> Segmenter([("真不错", 0)]).cut("這電影真不錯！")
        ['這', '電影', '真', '不錯', '！']

    Source: Sun Junyi, jieba; the HMM after Viterbi (1967).
    """

    def __init__(self, words: Iterable[str | tuple[str, int]] = ()) -> None:
        import opencc
        import rjieba

        self.words = [(word, None) if isinstance(word, str) else word for word in words]
        self._jieba = rjieba.Jieba()
        for word, frequency in self.words:
            self._jieba.add_word(word, frequency, None)
        self._simplified = opencc.OpenCC("t2s").convert

    @staticmethod
    def read_dictionary(path: str | Path) -> list[str | tuple[str, int]]:
        """Words from a file in jieba's form: one a line, perhaps with frequency and part of speech.

        Raises:
            DataError: no such file, not UTF-8, or a frequency that is no whole number.
        """
        try:
            lines = Path(path).read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            what = tr(
                f"dictionary '{path}' cannot be read ({error}).",
                f"无法读取词典 '{path}'（{error}）。",
            )
            help = tr("give a text file in UTF-8", "请给出 UTF-8 编码的文本文件")
            raise DataError(teach(what, help)) from None
        found: list[str | tuple[str, int]] = []
        for number, line in enumerate(lines[:_MOST_WORDS], 1):
            parts = line.split()
            if not parts:
                continue
            if len(parts) == 1 or not parts[1].isdecimal():
                if len(parts) > 2:
                    what = tr(
                        f"dictionary '{path}', line {number}: expected a word, a frequency and a "
                        f"part of speech, found {line.strip()!r}.",
                        f"词典 '{path}' 第 {number} 行：应为“词 词频 词性”，"
                        f"得到 {line.strip()!r}。",
                    )
                    raise DataError(teach(what, tr("for example: 真不错 0", "例如：真不错 0")))
                found.append(parts[0])
            else:
                found.append((parts[0], int(parts[1])))
        return found

    def cut(self, text: str) -> list[str]:
        """The words of a text, in order."""
        plain = self._simplified(text)
        if len(plain) != len(text):  # a phrase that is written with more or fewer characters
            return [word for word in self._jieba.cut(text) if word.strip()]
        found, at = [], 0
        for word in self._jieba.cut(plain):
            found.append(text[at : at + len(word)])
            at += len(word)
        return [word for word in found if word.strip()]


class Vocabulary:
    """Words and their numbers; 0 is ``<pad>``, 1 is ``<unk>``, then by falling frequency.

    Args:
        words: in the order of their numbers, from 2 on.

    Example:
        >>> from glia.data.text import Vocabulary
        >>> words = Vocabulary.of([["好", "书"], ["好", "酒店"]])
        >>> words.numbers(["好", "电影"]), len(words)
        ([2, 1], 5)
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = [PAD, UNKNOWN, *words]
        self.number = {word: i for i, word in enumerate(self.words)}
        if len(self.number) != len(self.words):
            what = tr("vocabulary: a word occurs twice.", "词表：有词重复出现。")
            raise ArgumentError(teach(what))

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]], size: int = 50_000, least: int = 1) -> Vocabulary:
        """The most frequent words of some texts.

        Args:
            texts: each a list of words.
            size: so many numbers at most, ``<pad>`` and ``<unk>`` among them.
            least: words that occur less often are unknown.
        """
        counts = Counter(word for text in texts for word in text)
        for word in (PAD, UNKNOWN):
            counts.pop(word, None)
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return cls([word for word, n in ranked[: max(size - 2, 0)] if n >= least])

    def __len__(self) -> int:
        return len(self.words)

    def numbers(self, text: Sequence[str]) -> list[int]:
        """The number of every word."""
        return [self.number.get(word, 1) for word in text]

    def rows(self, texts: Sequence[Sequence[str]], length: int) -> np.ndarray:
        """Texts as rows of one length: longer ones are cut off, shorter ones filled with 0.

        Shape:
            N texts → int64 (N, length).
        """
        rows = np.zeros((len(texts), length), np.int64)
        for row, text in zip(rows, texts, strict=True):
            found = self.numbers(text[:length])
            row[: len(found)] = found
        return rows

    def as_json(self) -> Any:
        """The words as JSON holds them, without the two that every vocabulary has."""
        return self.words[2:]
