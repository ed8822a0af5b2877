"""Bytes to Python values and back: by BTF, by format, by column."""
