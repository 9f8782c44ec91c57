"""``gl.signal``: windows for signals (``gl.signal.windows.hann``)."""

from glia.tensor import windows

__all__ = ["windows"]
