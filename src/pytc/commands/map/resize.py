"""``pytc map resize``: puts a larger or smaller map with the same elements in the place of a pinned one."""

from __future__ import annotations

import os
import stat

from pytc.bpf.maps.batch import read_batches, write_batch
from pytc.bpf.maps.map import create_map
from pytc.bpf.maps.pinning import PinRoot
from pytc.bpf.object.spec import MapSpec
from pytc.bpf.sys.constants import MapType, map_type_name
from pytc.bpf.sys.info import btf_by_id
from pytc.commands.shared.command import Command
from pytc.commands.shared.maps import open_map
from pytc.commands.shared.pins import pin_path
from pytc.contexts import ExitStack
from pytc.errors import BpfError, BpfSyscallError, PinError
from pytc.render.documents import Field
from pytc.words.engine import Word, fill, refuse_more, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.maps.map import Map
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map resize { PATH | m:NAME } max_entries NUMBER

Makes a map of that size with the types and elements of the pinned one, and puts its pin in the place of the other in
one step. Hashes, arrays and tries can be resized. Loaded programs go on with the former map until they are loaded
again; what they write to it after its elements have been copied is not in the new one. If an element does not fit,
nothing is changed.
"""
WORDS = (Word("max_entries", "entries", unsigned(0xFFFFFFFF), exact=True, wrong="invalid number"),)
#: Types whose elements are plain bytes that can be read and set.
_PLAIN = frozenset(
    {
        *(MapType.HASH, MapType.PERCPU_HASH, MapType.LRU_HASH, MapType.LRU_PERCPU_HASH),
        *(MapType.ARRAY, MapType.PERCPU_ARRAY, MapType.LPM_TRIE),
    }
)


class ResizeMap(Command):
    """A pinned map that gets another size; ``path`` is that of its pin, or ``m:NAME``."""

    path: str
    entries: int


def parse(cursor: Cursor) -> ResizeMap:
    """Return the command; raises UsageError, HelpRequested."""
    from pytc.commands.map.words import require

    path = cursor.take()
    fields = fill(cursor, WORDS, {}, topic="map resize")
    refuse_more(cursor, "map resize")
    require(fields, "entries", "max_entries")
    return ResizeMap(path, fields["entries"])


def run(context: Context, command: ResizeMap) -> list[Document]:
    """Resize the map; returns what has become of it. Raises PytcError, and then the pin is what it was."""
    path = pin_path(context, command.path)
    with ExitStack() as opened:
        opened.enter_context(context.connection.pin_lock)
        former = opened.enter_context(open_map(context, "pinned", command.path))
        about = former.description
        if about.type not in _PLAIN:
            raise BpfError(f'map "{about.name}": maps of type {map_type_name(about.type)} cannot be resized')
        made = opened.enter_context(_make(former, command.entries))
        _copy(former, made, command.entries)
        status = os.lstat(path)
        PinRoot(context.bpf_mount, lock=context.connection.pin_lock).replace(path, made.fd)
        try:
            os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
            os.chmod(path, stat.S_IMODE(status.st_mode))
        except OSError as error:
            raise PinError(f'"{path}" has lost its mode or group: {error.strerror}', errno=error.errno) from error
        return [_document(path, former, made)]


def _make(former: Map, entries: int) -> Map:
    about = former.description
    spec = MapSpec(
        about.name,
        about.type,
        about.key_size,
        about.value_size,
        entries,
        about.flags,
        map_extra=about.map_extra,
        key_type_id=about.btf_key_type_id,
        value_type_id=about.btf_value_type_id,
    )
    if not about.btf_id:
        return create_map(spec, about.name)
    with btf_by_id(about.btf_id) as types:
        return create_map(spec, about.name, btf_fd=types.fd)


def _copy(former: Map, made: Map, entries: int) -> None:
    try:
        for batch in read_batches(former):
            write_batch(made, batch)
    except BpfSyscallError as error:
        raise BpfError(
            f'map "{former.name}": its elements do not fit into {entries}: {error}', errno=error.errno
        ) from error


def _document(path: str, former: Map, made: Map) -> Document:
    before, after = former.description, made.description
    return [
        Field("path", path, f"{path}: "),
        Field("former_id", before.id, f"map {before.id}"),
        Field("former_max_entries", before.max_entries, f" max_entries {before.max_entries}"),
        Field("id", after.id, f" replaced by map {after.id}"),
        Field("max_entries", after.max_entries, f" max_entries {after.max_entries}\n"),
    ]
