"""Ctrl-C and the system's request to end, taken between two steps instead of anywhere."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Training was stopped by Ctrl-C or SIGTERM, in good order, after a whole step.

    Example:
        >>> import signal
        >>> try:
        ...     raise Interrupted(signal.SIGTERM)
        ... except KeyboardInterrupt as stopped:
        ...     print(stopped.number == signal.SIGTERM)
        True
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.number = number


class SignalCatcher:
    """While it is open, the first signal is only noted; a second Ctrl-C ends at once.

    Outside the main thread nothing is caught: Python delivers signals to that one alone.
    """

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> SignalCatcher:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = number
