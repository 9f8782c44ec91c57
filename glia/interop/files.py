"""Writing files so that a reader sees the old contents or the new, never a half of either."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace a file's contents at one stroke.

    The bytes go to a new file in the same folder, are flushed to the disk, and the new file
    takes the old one's name. A crash leaves the old file as it was.

    Raises:
        OSError: the folder does not exist or cannot be written, or the disk is full.
    """
    path = Path(path)
    # Not tempfile.mkstemp: its files are readable by their owner alone.
    name = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(name, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write readable JSON: keys in the order given, Chinese as it is, a line's end at the end."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode("utf-8"))
