"""What a check of tests/objects/guarded.c for a kernel that lacks its helper says of each program."""

from __future__ import annotations

GUARDED = {
    "error": ("besides", "twice", "otherwise", "once_without"),
    "warning": ("by_type", "by_field", "by_setting", "by_symbol"),
    "note": ("by_helper", "by_version", "by_either", "in_functions"),
}
