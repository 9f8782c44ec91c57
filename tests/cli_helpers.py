"""Shared by the tests of the command line."""

from __future__ import annotations

import re

CJK = re.compile(r"[\u3400-\u9fff]")
