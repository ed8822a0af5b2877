"""The click application, for programs that embed pytc's commands."""

from __future__ import annotations

from pytc.cli.click_commands import Application
from pytc.cli.main import run_line

application = Application(run_line)

__all__ = ["application"]
