"""docs/completions: the scripts of the shells, which packages install where the shells look for them."""

from pytc.commands.completion import bash, fish, zsh


def scripts() -> dict[str, str]:
    """Return the scripts by the names of their files."""
    return {"pytc": bash.SCRIPT, "_pytc": zsh.SCRIPT, "pytc.fish": fish.SCRIPT}
