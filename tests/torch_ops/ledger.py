"""Operations of PyTorch's that glia lacks or answers otherwise, and why; all others agree.

Keys are names as in PyTorch's list, with the variant behind a dot; a star stands for any ending.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

#: Reason (English, Chinese): names.
NOT_OFFERED: dict[tuple[str, str], str] = {}
DIFFERS: dict[tuple[str, str], str] = {}


def reason(name: str) -> tuple[str, tuple[str, str]] | None:
    """``"differs"`` or ``"not offered"`` and why; None where results must agree."""
    for status, table in (("differs", DIFFERS), ("not offered", NOT_OFFERED)):
        for why, names in table.items():
            if any(fnmatchcase(name, pattern) for pattern in names.split()):
                return status, why
    return None
