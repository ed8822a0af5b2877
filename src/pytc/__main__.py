"""``python -m pytc``: the same as the command ``pytc``."""

from __future__ import annotations

from pytc.cli.main import console

if __name__ == "__main__":
    console()
