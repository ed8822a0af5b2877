"""``python -m pytc``: the same as the command ``pytc``."""

from pytc.cli.main import console

if __name__ == "__main__":
    console()
