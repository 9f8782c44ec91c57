"""What this namespace can do, as the standard has it asked."""

from __future__ import annotations

from typing import Any

from glia.array_api.array import DEVICE, check_device
from glia.array_api.data_types import KINDS, STANDARD
from glia.base.dtypes import DType, complex64, float32, int64
from glia.base.errors import ArgumentError, teach
from glia.base.i18n import tr


class Info:
    """Capabilities, devices and dtypes."""

    def capabilities(self) -> dict[str, Any]:
        """Whether boolean masks and shapes that depend on values are offered: yes, outside jit."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """The only device."""
        return DEVICE

    def devices(self) -> list[str]:
        """All devices."""
        return [DEVICE]

    def default_dtypes(self, *, device: Any = None) -> dict[str, DType]:
        """The dtypes that numbers without one get: PyTorch's."""
        check_device(device)
        return {
            "real floating": float32,
            "complex floating": complex64,
            "integral": int64,
            "indexing": int64,
        }

    def dtypes(
        self, *, device: Any = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, DType]:
        """The standard's dtypes by name, all or those of some kinds."""
        check_device(device)
        if kind is None:
            return dict(STANDARD)
        kinds = kind if isinstance(kind, tuple) else (kind,)
        unknown = [one for one in kinds if one not in KINDS]
        if unknown:
            what = tr(
                f"dtypes: unknown kind {unknown[0]!r}.", f"dtypes：未知的种类 {unknown[0]!r}。"
            )
            raise ArgumentError(teach(what, ", ".join(KINDS)))
        wanted = {part for one in kinds for part in KINDS[one]}
        return {name: dtype for name, dtype in STANDARD.items() if dtype.kind in wanted}


def __array_namespace_info__() -> Info:
    """What this namespace can do.

    Example:
        >>> import glia.array_api as xp
        >>> xp.__array_namespace_info__().default_device()
        'cpu'
    """
    return Info()
