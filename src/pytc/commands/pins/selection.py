"""Find pins: all of the mounted bpffs, and those that words choose."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import time

from pytc.bpf.sys.constants import Command, map_type_name, program_type_name
from pytc.bpf.sys.info import describe_map, describe_program, ids, object_kind, program_by_id, program_map_ids
from pytc.bpf.sys.links import describe_link
from pytc.bpf.sys.mounts import find_mounts
from pytc.bpf.sys.pins import open_pin
from pytc.commands.shared.link_owners import owner_of
from pytc.commands.shared.pins import PinFiles, pin_path, similar_pins
from pytc.errors import BpfError, PinError
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.typing import NamedTuple
from pytc.value import Value
from pytc.words import values
from pytc.words.engine import Table, Word, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any, Literal

    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

CHOICE_HELP = """\
CHOICE := path PATH | under DIRECTORY | type { map | prog | link } | object FILE | owner USER | age TIME | unused | dead
TIME := NUMBER[ ms | s | m ]

object chooses the pins of the maps that FILE declares, as tc and pytc name them; age those that are older than TIME;
unused maps that no loaded program uses; dead links whose device or cgroup is gone. All of several choices must apply.
"""
if TYPE_CHECKING:
    Kind = Literal["map", "prog", "link"]
_NANOSECONDS = 1_000_000_000


class Pin(NamedTuple):
    """A name in a bpffs. ``id`` and ``what`` (its type) are those of the object; ``is_dead`` is True of a link that is
    attached to nothing."""

    path: str
    kind: Kind
    id: int
    name: str
    what: str
    status: os.stat_result
    is_dead: bool = False


class Choice(Value):
    """The conditions that a pin has to meet, all of them; empty fields set none."""

    path: str = ""
    directory: str = ""
    kind: str = ""
    object: str = ""
    owner: int | None = None
    age: float | None = None
    unused: bool = False
    dead: bool = False


def _kind(word: str) -> str:
    if word not in ("map", "prog", "link"):
        raise ValueError(word)
    return word


def _user(word: str) -> int:
    try:
        return int(word) if word.isascii() and word.isdigit() else pwd.getpwnam(word).pw_uid
    except KeyError:
        raise ValueError(word) from None


WORDS = Table(
    (
        Word("path", "path", text, exact=True),
        Word("under", "directory", text, exact=True),
        Word("type", "kind", _kind, exact=True, wrong="neither map, prog nor link"),
        Word("object", "object", text, exact=True),
        Word("owner", "owner", _user, exact=True, wrong="no such user"),
        Word("age", "age", values.seconds, exact=True, wrong="invalid time"),
        Word("unused", "unused", exact=True),
        Word("dead", "dead", exact=True),
    )
)


def is_choice(word: str) -> bool:
    """Report whether a word begins a choice."""
    return any(word == row.name for row in WORDS)


def take_choice(fields: dict[str, Any]) -> Choice:
    """Return the choice among the fields that words have set, and take it out of them."""
    return Choice(**{row.into: fields.pop(row.into) for row in WORDS if row.into in fields})


def find_pins(context: Context, choice: Choice) -> list[Pin]:
    """Return the pins that a choice names, by their paths; raises PytcError for an object, a path or a directory that
    cannot be read.

    What else this process may not open is left out, and noted.
    """
    declared = _paths_of(context, choice.object) if choice.object else None
    used = _used_maps() if choice.unused else frozenset()
    if choice.path:
        pins = [_named(pin_path(context, choice.path))]
    elif choice.directory:
        pins = _listed(context, PinFiles(pin_path(context, choice.directory), is_named=True), declared)
    else:
        roots = dict.fromkeys(find_mounts("bpf"))
        pins = [pin for root in roots for pin in _listed(context, PinFiles(root), declared)]
    return [
        pin
        for pin in {pin.path: pin for pin in pins}.values()
        if (declared is None or pin.path in declared) and _is_chosen(pin, choice, used)
    ]


def _named(path: str) -> Pin:
    """Return the pin at a path that a user has named; raises PinError."""
    try:
        pin = _describe(path)
    except OSError as error:
        refusal = PinError(f'cannot look at "{path}": {error.strerror}', errno=error.errno)
        raise refusal.with_alternatives(*similar_pins(path)) from error
    except BpfError as error:
        raise PinError(str(error), errno=error.errno, hints=error.hints) from error
    if pin is None:
        raise PinError(f'"{path}" is not a pin')
    return pin


def _listed(context: Context, files: PinFiles, declared: Container[str] | None) -> list[Pin]:
    """Return the pins among files, of ``declared`` paths if there are any; notes what cannot be opened."""
    pins = []
    for path in files:
        try:
            pin = _describe(path) if declared is None or path in declared else None
        except (OSError, BpfError) as error:
            files.leave_out(path, error)
            continue
        if pin is not None:
            pins.append(pin)
    files.note(context)
    return pins


def _paths_of(context: Context, path: str) -> set[str]:
    from pytc.bpf.maps.pinning import PinRoot
    from pytc.bpf.object.reader import read_object

    spec, root = read_object(path, layout20=context.layout20), PinRoot.unmounted(context.bpf_mount)
    return {root.path_for(map, spec) for map in spec.maps.values() if not map.problem} - {""}


def _used_maps() -> frozenset[int]:
    used: set[int] = set()
    for number in ids(Command.PROG_GET_NEXT_ID):
        try:
            with program_by_id(number) as program:
                used.update(program_map_ids(program.fd))
        except BpfError:
            continue  # deleted meanwhile
    return frozenset(used)


def _describe(path: str) -> Pin | None:
    """Return the pin at a path, None for a directory or symbolic link; raises OSError, BpfError."""
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        return None  # tc's links between directories
    with open_pin(path) as pin:
        kind = object_kind(pin.fd)
        if kind == "map":
            map = describe_map(pin.fd)
            return Pin(path, "map", map.id, map.name, map_type_name(map.type), status)
        if kind == "prog":
            program = describe_program(pin.fd)
            return Pin(path, "prog", program.id, program.name, program_type_name(program.type), status)
        link = describe_link(pin.fd)
        return Pin(path, "link", link.id, "", link.type, status, link.is_defunct)


def _is_chosen(pin: Pin, choice: Choice, used: frozenset[int]) -> bool:
    age = (time.time_ns() - pin.status.st_mtime_ns) / _NANOSECONDS
    return (
        choice.kind in ("", pin.kind)
        and choice.owner in (None, pin.status.st_uid)
        and (choice.age is None or age > choice.age)
        and (not choice.unused or (pin.kind == "map" and pin.id not in used))
        and (not choice.dead or pin.is_dead)
    )


def document(pin: Pin) -> Document:
    """Return a line about a pin."""
    mode, status = stat.S_IMODE(pin.status.st_mode), pin.status
    user, group = _name(pwd.getpwuid, status.st_uid), _name(grp.getgrgid, status.st_gid)
    return [
        Field("path", pin.path, printable(pin.path)),
        Field("kind", pin.kind, f" {pin.kind}"),
        Field("id", pin.id, f" id {pin.id}"),
        Field("type", pin.what, f" {pin.what}"),
        Field("name", pin.name, f" name {printable(pin.name)}" if pin.name else ""),
        *([Field("of", of, f" of {of}")] if (of := owner_of([pin.path])) else ()),
        Field("user", user, f" owner {user}"),
        Field("group", group, f" group {group}"),
        Field("mode", f"{mode:04o}", f" mode {mode:04o}"),
        Field("modified", int(status.st_mtime)),
        Field("dead", pin.is_dead, " dead" if pin.is_dead else ""),
        Field("", None, "\n"),
    ]


def _name(look_up: Any, number: int) -> str:
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def take_words(cursor: Cursor, words: Table, topic: str) -> dict[str, Any]:
    """Return the fields of all words that are left; raises UsageError, HelpRequested."""
    from pytc.words.engine import fill, refuse_more

    fields = fill(cursor, words, {}, topic=topic)
    refuse_more(cursor, topic)
    return fields
