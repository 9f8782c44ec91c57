"""Help pages: written here, so that both languages wrap well and nothing stays untranslated."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Any

import typer

from glia.base.i18n import tr
from glia.cli.text import pad, width, wrap

_WIDEST = 100
_GAP = 2
#: The left column is never wider; longer names get a line of their own.
_LEFT = 26


def help_page(command: Any, context: Any) -> str:
    """The page that ``--help`` prints."""
    columns = min(shutil.get_terminal_size((80, 24)).columns, _WIDEST) - 1
    parameters = command.get_params(context)
    arguments = [p for p in parameters if p.param_type_name == "argument"]
    options = [p for p in parameters if p.param_type_name == "option"]
    commands = [(name, command.get_command(context, name)) for name in _names(command, context)]
    words = [context.command_path]
    if commands:
        words.append(tr("COMMAND …", "命令 …"))
    words += [argument.metavar or argument.name for argument in arguments]
    words.append(tr("[OPTIONS]", "[选项]"))
    parts = [_bold(tr("Usage:", "用法：")) + " " + " ".join(words), ""]
    for paragraph in (command.help or "").split("\n\n"):
        parts += [*(f"  {line}" for line in wrap(paragraph, columns - 2)), ""]
    tables = (
        (tr("Commands:", "命令："), [(name, sub.short_help or sub.help) for name, sub in commands]),
        (tr("Arguments:", "参数："), [(a.metavar or a.name, a.help) for a in arguments]),
        (tr("Options:", "选项："), [_option(option) for option in options]),
    )
    for title, rows in tables:
        if rows:
            parts += [_bold(title), *_table(rows, columns), ""]
    return "\n".join(parts).rstrip("\n")


def _names(command: Any, context: Any) -> list[str]:
    return command.list_commands(context) if hasattr(command, "list_commands") else []


def _option(option: Any) -> tuple[str, str]:
    name = ", ".join(option.opts)
    if option.name == "help":
        return name, tr("Show this help.", "显示本帮助。")
    if option.metavar and not option.is_flag:
        name += f" {option.metavar}"
    text = option.help or ""
    if option.show_default and option.default is not None and not option.is_flag:
        text = text.rstrip(".。")
        text += tr(f" (default {option.default}).", f"（默认 {option.default}）。")
    return name, text


def _table(rows: Iterable[tuple[str, str]], columns: int) -> list[str]:
    rows = list(rows)
    left = min(max(width(name) for name, _ in rows), _LEFT)
    lines = []
    for name, text in rows:
        wrapped = wrap(text, columns - left - 2 - _GAP)
        if width(name) > left:
            lines.append(f"  {_blue(name)}")
            first = ""
        else:
            first = name
        for at, line in enumerate(wrapped):
            cell = _blue(first) + pad("", left - width(first)) if at == 0 else pad("", left)
            lines.append(f"  {cell}{' ' * _GAP}{line}")
    return lines


def _bold(text: str) -> str:
    return typer.style(text, bold=True)


def _blue(text: str) -> str:
    return typer.style(text, fg="cyan") if text else ""
