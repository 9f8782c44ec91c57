"""Doors to other programs: files that others can read and write."""

from glia.interop.safetensors import load_file, load_metadata, save_file

__all__ = ["load_file", "load_metadata", "save_file"]
