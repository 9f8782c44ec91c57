"""A whole run: machine, limits, rows; kept in a JSON file after every row, so it can go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from glia.base.errors import ArgumentError
from glia.base.i18n import tr
from glia.bench import limits as machine_limits
from glia.bench.harness import Result, Settings, from_json, measure, to_json
from glia.bench.limits import Limits
from glia.bench.modes import taking_part
from glia.bench.start import Start, measure_starts
from glia.bench.workloads import Workload
from glia.interop.files import write_json

Say = Callable[[str], None]


@dataclass
class Run:
    """Everything one run has found."""

    settings: Settings
    libraries: list[str]
    quick: bool
    command: str
    machine: dict[str, str | int] = field(default_factory=dict)
    limits: Limits | None = None
    rows: dict[str, list[Result]] = field(default_factory=dict)
    starts: list[Start] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the file anew."""
        content = {
            "command": self.command,
            "settings": asdict(self.settings),
            "libraries": self.libraries,
            "quick": self.quick,
            "machine": self.machine,
            "limits": asdict(self.limits) if self.limits else None,
            "rows": {name: to_json(results) for name, results in self.rows.items()},
            "starts": [asdict(start) for start in self.starts],
        }
        write_json(path, content)


def load(path: Path) -> Run:
    """A run from its file.

    Raises:
        ArgumentError: the file holds something else.
    """
    try:
        held: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return Run(
            Settings(**held["settings"]),
            held["libraries"],
            held["quick"],
            held["command"],
            held["machine"],
            Limits(**held["limits"]) if held["limits"] else None,
            {name: from_json(results) for name, results in held["rows"].items()},
            [Start(**start) for start in held["starts"]],
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ArgumentError(
            tr(
                f"{path} holds no results of glia bench. Help: name another file.",
                f"{path} 中没有 glia bench 的结果。建议：换一个文件名。",
            )
        ) from None


def resume(run: Run, path: Path) -> Run:
    """The run in the file if it was made alike, to be gone on with; else this one.

    Raises:
        ArgumentError: the file holds another run.
    """
    if not path.exists():
        return run
    found = load(path)
    alike = (found.settings, found.quick) == (run.settings, run.quick)
    if alike and set(run.libraries) == set(found.libraries):
        return found
    raise ArgumentError(
        tr(
            f"{path} holds a run with other settings. Help: name another file, or delete this one.",
            f"{path} 中是用其他设置测得的结果。建议：换一个文件名，或删除该文件。",
        )
    )


def _say_row(say: Say, row: str, text: str) -> None:
    say(f"{row}  {text}")


def perform(
    run: Run,
    workloads: Sequence[Workload],
    starts: bool,
    say: Say,
    path: Path | None = None,
    done: Callable[[Workload, list[Result]], None] = lambda workload, results: None,
) -> None:
    """Measure what the run lacks."""

    def keep() -> None:
        if path is not None:
            run.save(path)

    def look_at_limits() -> None:
        """At both ends of a run: the most that was ever seen is the limit."""
        say(tr("the machine's limits", "机器的极限"))
        found = machine_limits.measure(run.settings.threads)
        run.limits = found if run.limits is None else run.limits.most(found)
        keep()

    if run.limits is None:
        run.machine = machine_limits.machine()
        look_at_limits()
    for workload in workloads:
        if workload.name in run.rows:
            continue
        modes = taking_part(workload.modes, workload.name, run.libraries, run.quick)
        run.rows[workload.name] = measure(
            workload, modes, run.settings, partial(_say_row, say, workload.name)
        )
        done(workload, run.rows[workload.name])
        keep()
    if starts and not run.starts:
        run.starts = measure_starts(run.libraries, run.settings, say)
        keep()
    look_at_limits()
