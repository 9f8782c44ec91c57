"""Reviews: those that ship with glia, and tables of users' own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from glia.base.errors import DataError
from glia.data.reviews import load_reviews, read_reviews


def test_the_reviews_that_ship_are_distinct() -> None:
    reviews = load_reviews()
    assert len(reviews) == 17_361 == len(set(reviews.texts))
    assert np.bincount(reviews.labels).tolist() == [9031, 8330]
    assert reviews.classes == ("bad", "good") and all(reviews.texts)


def test_a_split_holds_the_same_share_of_every_class() -> None:
    reviews = load_reviews()
    train, held = reviews.split(0.1, seed=3)
    assert len(train) + len(held) == len(reviews)
    assert not set(train.texts) & set(held.texts)
    assert np.bincount(held.labels).tolist() == [903, 833]
    assert held.texts == reviews.split(0.1, seed=3)[1].texts
    assert held.texts != reviews.split(0.1, seed=4)[1].texts


TABLE = [("好书", "1"), ("太差", "0"), ("好书", "1"), ("一般", "1"), ("一般", "0"), ("", "1")]


def written(folder: Path, ending: str) -> Path:
    path = folder / f"own{ending}"
    if ending == ".jsonl":
        lines = [f'{{"review": "{text}", "label": {label}}}' for text, label in TABLE]
    else:
        sep = "\t" if ending == ".tsv" else ","
        lines = [f"label{sep}review"] + [f"{label}{sep}{text}" for text, label in TABLE]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
def test_tables(ending: str, tmp_path: Path) -> None:
    reviews, dropped = read_reviews(written(tmp_path, ending))
    assert reviews.texts == ["好书", "太差"] and reviews.labels.tolist() == [1, 0]
    assert reviews.classes == ("0", "1")
    assert dropped == 3  # one repetition, two verdicts on one text


def test_columns_by_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\ufeffid,wort,urteil\n1,gut,ja\n2,schlecht,nein\n", "utf-8")
    reviews, _ = read_reviews(path, "wort", "urteil")
    assert reviews.classes == ("ja", "nein") and reviews.texts == ["gut", "schlecht"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "cannot be read"),
        ("a.xlsx", b"PK", "unknown kind"),
        ("a.csv", b"text,mark\ngut,1\n", "no column called label"),
        ("a.csv", b"label,text\n1,gut\n1,besser\n", "2 to 1000"),
        ("a.csv", b"", "2 to 1000"),
        ("a.csv", b"\xff\xfe\xfd,text\n", "cannot be read"),
        ("a.jsonl", b'{"text": "gut", "label"', "cannot be read"),
        ("a.jsonl", b"[" * 100_000, "cannot be read"),
        ("a.csv", b"label,text\n1," + b"x" * 2_000_000 + b"\n", "cannot be read"),
    ],
)
def test_bad_files(name: str, content: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_reviews(path)
