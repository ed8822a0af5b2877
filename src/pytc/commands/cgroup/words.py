"""The words of a cgroup and of an attach type, which the verbs of cgroup take."""

from __future__ import annotations

from pytc.bpf.sys.cgroups import ATTACH_TYPES
from pytc.commands.shared.attach_words import number
from pytc.errors import UsageError
from pytc.value import Value
from pytc.words.engine import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.words.engine import Cursor

#: Help on :func:`take_cgroup`.
CGROUP = "CGROUP := PATH | pid NUMBER\n"

TYPE_WORDS = tuple(Word(word, "attach", value=word, exact=True) for word in ATTACH_TYPES)
EFFECTIVE = Word("effective", "effective")


class CgroupName(Value):
    """A cgroup as a user names it: by the path of its directory, or as that of the process ``pid`` (0: by path)."""

    path: str = ""
    pid: int = 0


def take_cgroup(cursor: Cursor) -> CgroupName:
    """Return the cgroup that the next words name; raises UsageError."""
    word = cursor.take()
    if word != "pid":
        if not word:
            raise UsageError("which cgroup? PATH or pid NUMBER")
        return CgroupName(word)
    word = cursor.take()
    try:
        return CgroupName(pid=number(word))
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: pid') from None
