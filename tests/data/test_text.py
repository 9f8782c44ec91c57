"""Chinese text: words, numbers, rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glia.base.errors import ArgumentError, DataError
from glia.data.text import Segmenter, Vocabulary


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        ((), "这电影真不错!", "这 电影 真不错 !"),
        ([("真不错", 0)], "这电影真不错!", "这 电影 真 不错 !"),
        ((), "這電影真不錯！", "這 電影 真不錯 ！"),
        ([("真不错", 0)], "這電影真不錯！", "這 電影 真 不錯 ！"),
        (["奇葩酒店"], "住了奇葩酒店 两天", "住 了 奇葩酒店 两天"),
        ((), "", ""),
        ((), "  Windows 10\t很慢", "Windows 10 很 慢"),
    ],
)
def test_cuts(words: list, text: str, expected: str) -> None:
    assert Segmenter(words).cut(text) == expected.split()


def test_nothing_but_blanks_is_lost() -> None:
    text = "服務態度極差，第一次入住就遇到停電 T_T，24小時熱水也沒有！😡"
    assert "".join(Segmenter().cut(text)) == "".join(text.split())


def test_dictionaries_from_files(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("奇葩酒店\n真不错 0\n\n云计算 5 n\n", "utf-8")
    words = Segmenter.read_dictionary(path)
    assert words == ["奇葩酒店", ("真不错", 0), ("云计算", 5)]
    assert Segmenter(words).cut("真不错") == ["真", "不错"]
    path.write_text("a b c\n", "utf-8")
    with pytest.raises(DataError, match="line 1"):
        Segmenter.read_dictionary(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        Segmenter.read_dictionary(path)
    with pytest.raises(DataError, match="cannot be read"):
        Segmenter.read_dictionary(tmp_path / "none.txt")


def test_vocabulary() -> None:
    texts = [["好", "书", "好"], ["坏", "书"], ["<pad>", "好"]]
    words = Vocabulary.of(texts)
    assert words.words == ["<pad>", "<unk>", "好", "书", "坏"]
    assert Vocabulary.of(texts, size=3).words[2:] == ["好"]
    assert Vocabulary.of(texts, least=2).words[2:] == ["好", "书"]
    rows = words.rows([["好", "电影"], [], ["书"] * 9], 4)
    np.testing.assert_array_equal(rows, [[2, 1, 0, 0], [0, 0, 0, 0], [3, 3, 3, 3]])
    assert Vocabulary(words.as_json()).words == words.words
    with pytest.raises(ArgumentError, match="twice"):
        Vocabulary(["好", "好"])


def test_one_hot_times_table_is_a_row_of_the_table() -> None:
    """The two ways into a network are one: ``one_hot(i) @ E == E[i]``."""
    import glia as gl
    from glia import nn

    numbers = gl.tensor([88, 156, 14, 23, 5])
    table = nn.Embedding(200, 16)
    hot = nn.functional.one_hot(numbers, 200).float()
    np.testing.assert_array_equal(
        (hot @ table.weight.detach()).numpy(), table(numbers).detach().numpy()
    )
