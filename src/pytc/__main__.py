"""``python -m pytc``: the same as the command ``pytc``."""

from __future__ import annotations

from pytc.cli.main import end_process, run_process

if __name__ == "__main__":
    end_process(run_process())
