"""``--install-alias DIR``: a link ``tc`` in a directory, by which scripts that call tc get pytc."""

from __future__ import annotations

import os
import sys

from pytc.contexts import suppress
from pytc.errors import OutputError
from pytc.render.documents import Field
from pytc.signals import block_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Document

_NAME = "tc"
_OWN = "pytc"


def install_alias(directory: str) -> Document:
    """Create the link in one step, and return what to put into PATH.

    A link that was created so before is replaced, anything else stays. Raises OutputError.
    """
    target, link = _executable(), os.path.join(os.path.abspath(directory), _NAME)
    try:
        _link(target, link)
    except OSError as error:
        raise OutputError(f'cannot make the link "{link}": {error.strerror}', errno=error.errno) from error
    fields = [Field("link", link, f"{link} "), Field("target", target, f"-> {target}\n")]
    if _on_path() == link:
        return [*fields, Field("path", text=f"PATH finds it first: {_NAME} is pytc.\n")]
    import shlex

    words = f"export PATH={shlex.quote(os.path.dirname(link))}:$PATH"
    return [*fields, Field("path", words, f"To put it before any other {_NAME}: {words}\n")]


def _link(target: str, link: str) -> None:
    try:
        os.symlink(target, link)
        return
    except FileExistsError:
        present = _target(link)
    if present == target:
        return
    if os.path.basename(present) != _OWN:
        raise OutputError(f'"{link}" already exists and is not a link to pytc; it stays as it is')
    beside = f"{link}.{os.getpid()}"
    with block_signals():
        os.symlink(target, beside)
        try:
            os.rename(beside, link)
        except OSError:
            with suppress(OSError):
                os.unlink(beside)
            raise


def _target(link: str) -> str:
    """Return where a link leads, empty for what is no link."""
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _executable() -> str:
    """Return the path of the running command, or of that of the Python that runs ``python -m pytc``.

    Raises OutputError.
    """
    run = os.path.abspath(sys.argv[0])
    run = run if os.path.basename(run) == _OWN else os.path.realpath(run)  # it may have been started by its alias
    places = (run, os.path.join(os.path.dirname(sys.executable), _OWN))
    for path in places:
        if os.path.basename(path) == _OWN and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise OutputError(
        f"no command {_OWN} to link to: neither {' nor '.join(places)} is one",
        hints=('"python3 -m pip install ." installs it',),
    )


def _on_path() -> str:
    """Return the path that a name means by PATH now."""
    import shutil

    path = shutil.which(_NAME)
    return os.path.abspath(path) if path else ""
