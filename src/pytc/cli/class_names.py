"""Names of classes, for ``-names``: lines ``MAJOR:MINOR NAME`` in hex, ``#`` comments (tc(8), FILES)."""

from __future__ import annotations

from codecs import BOM_UTF8

from pytc.errors import UsageError
from pytc.handles import parse_classid

DEFAULT_PATH = "/etc/iproute2/tc_cls"


def read_class_names(path: str = "") -> dict[int, str]:
    """Return names by the numbers of handles; lines that make no sense name nothing.

    Raises UsageError for a file that was asked for and cannot be read.
    """
    names: dict[int, str] = {}
    try:
        with open(path or DEFAULT_PATH, "rb") as file:
            lines = file.read().removeprefix(BOM_UTF8).splitlines()
    except OSError as error:
        if path:
            raise UsageError(f"Can't open class names file: {path}", errno=error.errno) from error
        return names
    for line in lines:
        words = [word.decode("utf-8", "surrogateescape") for word in line.partition(b"#")[0].split()]
        if len(words) == 2:
            try:
                names[parse_classid(words[0]).number] = words[1]
            except ValueError:
                continue
    return names
