"""Users' text in English and Simplified Chinese, written side by side at the place of use."""

from __future__ import annotations

import locale
import os

LANGUAGES = ("en", "zh")

_language: str | None = None


def _detect() -> str:
    wanted: str | None = os.environ.get("GLIA_LANG", "")
    if not wanted:
        wanted = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG")
        wanted = wanted or (locale.getlocale()[0] or "")
    return "zh" if (wanted or "").lower().startswith(("zh", "chinese")) else "en"


def language() -> str:
    """The language of users' text: ``"en"`` or ``"zh"`` (``GLIA_LANG``, else the locale)."""
    global _language
    if _language is None:
        _language = _detect()
    return _language


def set_language(name: str) -> None:
    """Choose the language of everything users read; ``"en"`` or ``"zh"``."""
    global _language
    if name not in LANGUAGES:
        raise ValueError(f"expected one of {LANGUAGES}, found {name!r}")
    _language = name


def tr(en: str, zh: str) -> str:
    """The text in the language in force."""
    return zh if language() == "zh" else en
