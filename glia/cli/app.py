"""The commands put together; usage errors in the user's language."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
import typer.core

from glia.base.i18n import tr
from glia.cli import options
from glia.cli.help import help_page
from glia.cli.main import say_error


class Stopped(Exception):
    """A ``KeyboardInterrupt`` on its way through typer, which would turn it into a status."""

    def __init__(self, cause: KeyboardInterrupt) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Command(typer.core.TyperCommand):
    """A command with glia's own help page."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise Stopped(stop) from None

    def get_help(self, ctx: Any) -> str:
        return help_page(self, ctx)


class Group(typer.core.TyperGroup):
    """A group of commands, likewise."""

    def get_help(self, ctx: Any) -> str:
        return help_page(self, ctx)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"glia {options.version()}")
        raise typer.Exit


def _version_option() -> Any:
    text = tr("Show the version.", "显示版本。")
    return typer.Option("--version", callback=_version, is_eager=True, help=text)


def root(
    context: typer.Context,
    lang: Annotated[str, options.lang()] = "",
    version: Annotated[bool, _version_option()] = False,
) -> None:
    """Options that stand before the command; both are dealt with when they are read."""
    _show_help_without_command(context)


def examples_root(context: typer.Context, lang: Annotated[str, options.lang()] = "") -> None:
    """``glia run`` alone."""
    _show_help_without_command(context)


def _show_help_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def build() -> typer.Typer:
    """The application, in the language in force."""
    from glia.cli import bench, doctor, predict, small, train

    app = typer.Typer(
        name="glia",
        cls=Group,
        help=tr(
            "glia: deep learning on the computer you have. Start with: glia train lenet5",
            "glia：在你现有的电脑上学习深度学习。从这里开始：glia train lenet5",
        ),
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(root)
    for module in (train, predict):
        module.add_to(app, Command)
    examples = typer.Typer(
        cls=Group,
        help=tr("Small examples: fit, xor, fruit.", "小例子：fit、xor、fruit。"),
    )
    examples.callback(invoke_without_command=True)(examples_root)
    small.add_to(examples, Command)
    app.add_typer(examples, name="run")
    bench.add_to(app, Command)
    doctor.add_to(app, Command)
    return app


def run(arguments: list[str]) -> int:
    """Parse and run; usage errors become one line and exit status 2."""
    command = typer.main.get_command(build())
    try:
        result = command.main(args=arguments, prog_name="glia", standalone_mode=False)
        return int(result or 0)
    except Stopped as stop:
        raise stop.cause from None
    except Exception as error:
        if type(error).__name__ == "Abort":
            raise KeyboardInterrupt from None
        if not hasattr(error, "format_message"):  # not one of typer's own
            raise
        say_error(_usage_error(error))
        return 2


def _usage_error(error: Any) -> str:
    """typer's complaint in our words, in the language in force."""
    help = tr("--help shows what there is", "用 --help 查看用法")
    english = error.format_message().rstrip(".")
    kind = type(error).__name__
    name = _parameter_name(error)
    quoted = re.search(r"'([^']*)'", english)
    word = quoted[1] if quoted else ""
    if kind == "NoSuchOption":
        text = tr(f"there is no option {name}.", f"没有选项 {name}。")
    elif kind == "MissingParameter":
        text = tr(f"{name} is missing.", f"缺少 {name}。")
    elif kind == "BadParameter" and options.expected(name):
        text = f"{name}: {options.expected(name)}"
    elif "requires an argument" in english:
        text = tr(f"{word} needs a value.", f"{word} 后面缺少值。")
    elif "No such command" in english:
        text = tr(f"there is no command {word}.", f"没有命令 {word}。")
    elif "unexpected extra argument" in english:
        extra = english[english.rfind("(") + 1 : -1]
        text = tr(f"one word too many: {extra}.", f"多余的参数：{extra}。")
    else:
        text = tr(f"{english}.", f"命令行有误：{english}。")
    return text + tr(f" Help: {help}.", f" 建议：{help}。")


def _parameter_name(error: Any) -> str:
    """The option or argument an error is about, as the help page calls it."""
    parameter = getattr(error, "param", None)
    if parameter is None:
        return getattr(error, "option_name", "") or ""
    if parameter.param_type_name == "option":
        return str(parameter.opts[0])
    return str(parameter.metavar or parameter.name)
