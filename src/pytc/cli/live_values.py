"""Values that the kernel knows, for completion: ids and names of objects, numbers of filters and classes, map members.

What may not be asked is not offered: completion says nothing, and changes nothing.
"""

from __future__ import annotations

import os

from pytc.errors import BpfError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Literal

    from pytc.bpf.maps.map import Map
    from pytc.commands.shared.context import Context

    #: A sort of values.
    LiveSort = Literal[
        "map-name",
        "map-id",
        "prog-name",
        "prog-id",
        "prog-tag",
        "link-id",
        "cgroup",
        "pref",
        "filter-handle",
        "chain",
        "classid",
        "qdisc-handle",
        "key",
        "key-member",
        "value-member",
    ]

#: More keys of a map than that are of no help.
_MOST_KEYS = 100
_OBJECTS_OF_REFERENCES = ("tcx", "cgroup", "exec", "prog")
_CGROUPS = "/sys/fs/cgroup"


def live_sort(name: str, words: Sequence[str], prefix: str) -> LiveSort | Literal[""]:
    """Return the sort of the value after the words of an object's line, empty for none."""
    last = words[-1]
    if len(words) < 2:
        return ""
    if name == "map":
        if prefix.startswith(("key.", "value.")):
            return "key-member" if prefix.startswith("key.") else "value-member"
        if ((inside := _open_brace(words)) and last in ("{", "}")) or (inside and last not in ("key", "value")):
            return "key-member" if inside == "key" else "value-member"
        return {"name": "map-name", "id": "map-id", "key": "key"}.get(last, "")  # type: ignore[return-value]
    if name in _OBJECTS_OF_REFERENCES and last in ("name", "id", "tag"):
        return {"name": "prog-name", "id": "prog-id", "tag": "prog-tag"}[last]  # type: ignore[return-value]
    if last in ("id", "link") and name in ("link", "tcx", "cgroup"):
        return "link-id"
    if name == "cgroup" and len(words) == 2:
        return "cgroup"
    if name in ("filter", "chain", "prog") and last in ("pref", "prio", "preference", "priority"):
        return "pref"
    if name in ("filter", "prog") and last == "handle":
        return "filter-handle"
    if name in ("filter", "chain", "prog") and last == "chain":
        return "chain"
    if name == "qdisc" and last == "handle" and words[1] != "add":
        return "qdisc-handle"
    if last in ("parent", "classid", "flowid"):
        return "classid"
    return ""


def _open_brace(words: Sequence[str]) -> str:
    """Return ``key`` or ``value`` where its brace is open, empty where none is."""
    depth, of = 0, ""
    for index, word in enumerate(words):
        if word == "{":
            of = words[index - 1] if not depth and index else of
            depth += 1
        elif word == "}":
            depth -= 1
    return of if depth > 0 and of in ("key", "value") else ""


def is_live(sort: str) -> bool:
    """Report whether the values of a sort are asked of the kernel."""
    return sort in _VALUES


def live_values(sort: str, words: Sequence[str], prefix: str) -> Iterator[str]:
    """Yield the values of a sort; raises PytcError, OSError where they cannot be asked."""
    yield from _VALUES[sort](words, prefix)


def _maps(attribute: str) -> Callable[[Sequence[str], str], Iterator[str]]:
    def values(_: Sequence[str], __: str) -> Iterator[str]:
        from pytc.bpf.sys.constants import Command
        from pytc.bpf.sys.info import describe_map, ids, map_by_id

        for number in ids(Command.MAP_GET_NEXT_ID):
            if attribute == "id":
                yield str(number)
                continue
            try:
                with map_by_id(number) as map:
                    yield describe_map(map.fd).name
            except BpfError:
                continue  # deleted meanwhile

    return values


def _programs(attribute: str) -> Callable[[Sequence[str], str], Iterator[str]]:
    def values(_: Sequence[str], __: str) -> Iterator[str]:
        from pytc.bpf.sys.constants import Command
        from pytc.bpf.sys.info import describe_program, ids, program_by_id

        for number in ids(Command.PROG_GET_NEXT_ID):
            if attribute == "id":
                yield str(number)
                continue
            try:
                with program_by_id(number) as program:
                    yield str(getattr(describe_program(program.fd), attribute))
            except BpfError:
                continue  # deleted meanwhile

    return values


def _links(_: Sequence[str], __: str) -> Iterator[str]:
    from pytc.bpf.sys.constants import Command
    from pytc.bpf.sys.info import ids

    yield from map(str, ids(Command.LINK_GET_NEXT_ID))


def _cgroups(_: Sequence[str], prefix: str) -> Iterator[str]:
    """Yield the cgroups one level below what has been typed, at first those of the first mount of cgroup2."""
    from pytc.bpf.sys.cgroups import mounts

    mount = next(iter(mounts()), _CGROUPS)
    directory = os.path.dirname(prefix) if prefix.startswith(mount) else mount
    with os.scandir(directory) as entries:
        yield from sorted(f"{entry.path}/" for entry in entries if entry.is_dir(follow_symlinks=False))


def _after(words: Sequence[str], *names: str) -> str:
    """Return the word after the first of some names, empty for none."""
    return next((words[index + 1] for index, word in enumerate(words[:-1]) if word in names), "")


def _filters(attribute: str) -> Callable[[Sequence[str], str], Iterator[str]]:
    def values(words: Sequence[str], _: str) -> Iterator[str]:
        from pytc.handles import CLSACT, EGRESS, INGRESS, UNSPEC, parse_classid
        from pytc.netlink.session import Session
        from pytc.tc.filters.records import filter_records
        from pytc.tc.filters.selector import FilterSelector

        device, written = _after(words, "dev"), _after(words, "parent")
        hooks = {"ingress": INGRESS, "egress": EGRESS, "root": UNSPEC}
        hook = next((word for word in words if word in hooks), "")
        parent = parse_classid(written) if written else hooks.get(hook, CLSACT)
        pref = _after(words, "pref", "prio", "preference", "priority")
        with Session() as session:
            index = session.interface_index(device) or 0
            for record in filter_records(session, FilterSelector(device, parent), index):
                if pref.isdigit() and attribute == "handle" and record.pref != int(pref):
                    continue
                if attribute == "chain":
                    yield str(record.chain or 0)
                elif attribute == "pref" and record.pref:
                    yield str(record.pref)
                elif attribute == "handle" and record.handle:
                    yield f"{record.handle:#x}" if record.kind != "u32" else _u32_handle(record.handle)

    return values


def _u32_handle(number: int) -> str:
    return f"{number >> 20:x}:{number >> 12 & 0xFF:x}:{number & 0xFFF:x}"


def _classids(words: Sequence[str], _: str) -> Iterator[str]:
    """Yield the qdiscs and classes of the device."""
    from pytc.netlink.session import Session
    from pytc.tc.classes.records import class_records

    yield from _qdisc_handles(words, "")
    with Session() as session:
        index = session.interface_index(_after(words, "dev")) or 0
        yield from (str(record.handle) for record in class_records(session, index))


def _qdisc_handles(words: Sequence[str], _: str) -> Iterator[str]:
    from pytc.handles import CLSACT, UNSPEC
    from pytc.netlink.session import Session
    from pytc.tc.qdiscs.records import qdisc_records

    with Session() as session:
        index = session.interface_index(_after(words, "dev")) or 0
        for record in qdisc_records(session, index):
            if record.handle != UNSPEC and record.handle.major != CLSACT.major:
                yield str(record.handle)


def _keys(words: Sequence[str], _: str) -> Iterator[str]:
    """Yield the keys of the map that the line names, as far as they are one word."""
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.map_elements import json_entries
    from pytc.commands.shared.typed_maps import typed_map

    with Context(environment=os.environ) as context:
        typed = typed_map(context, _map(context, words))
        for count, entry in enumerate(json_entries(context, typed, typed.types)):
            if count == _MOST_KEYS:
                return
            key = entry.get("key") if isinstance(entry, dict) else None
            if isinstance(key, (int, str)):
                yield str(key)


def _map(context: Context, words: Sequence[str]) -> Map:
    from pytc.commands.shared.maps import open_map

    for kind in ("name", "id", "pinned", "fd", "map"):
        if named := _after(words[1:], kind):
            return context.own(open_map(context, kind, named))
    raise OSError("the line names no map")


def _members(which: Literal["key", "value"]) -> Callable[[Sequence[str], str], Iterator[str]]:
    def values(words: Sequence[str], prefix: str) -> Iterator[str]:
        from pytc.bpf.btf.types import STRUCT, UNION
        from pytc.bpf.maps.types import read_btf
        from pytc.commands.shared.context import Context

        with Context(environment=os.environ) as context:
            about = _map(context, words).description
            btf = read_btf(about)
            number = about.btf_key_type_id if which == "key" else about.btf_value_type_id
            if btf is None or not number:
                return
            *path, _ = prefix.removeprefix(f"{which}.").split(".") if prefix.startswith(f"{which}.") else [""]
            number = btf.resolve(number)
            for name in path:
                inner = next((member.type_id for member in btf.members(number) if member.name == name), 0)
                number = btf.resolve(inner)
            if btf.kind(number) not in (STRUCT, UNION):
                return
            before = ".".join((which, *path, "")) if prefix.startswith(f"{which}.") else ""
            yield from (f"{before}{member.name}" for member in btf.members(number) if member.name)

    return values


_VALUES: dict[str, Callable[[Sequence[str], str], Iterator[str]]] = {
    "map-name": _maps("name"),
    "map-id": _maps("id"),
    "prog-name": _programs("name"),
    "prog-id": _programs("id"),
    "prog-tag": _programs("tag"),
    "link-id": _links,
    "cgroup": _cgroups,
    "pref": _filters("pref"),
    "filter-handle": _filters("handle"),
    "chain": _filters("chain"),
    "classid": _classids,
    "qdisc-handle": _qdisc_handles,
    "key": _keys,
    "key-member": _members("key"),
    "value-member": _members("value"),
}
