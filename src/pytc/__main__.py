"""``python -m pytc``: the same as the command ``pytc``."""

from __future__ import annotations

if __name__ == "__main__":
    try:
        from pytc.cli.main import end_process, run_process

        end_process(run_process())
    except KeyboardInterrupt:  # while modules are imported, or an error is reported
        raise SystemExit(130) from None
