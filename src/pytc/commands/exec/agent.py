"""``pytc exec bpf agent``: a process that keeps maps; what it keeps, and how it forgets."""

from __future__ import annotations

import time

from pytc.bpf.sys.constants import map_type_name
from pytc.bpf.sys.descriptor import raise_descriptor_limit
from pytc.commands.exec.socket_rights import RIGHTS, SocketRights
from pytc.commands.shared.command import Command, Query
from pytc.errors import TransferError
from pytc.render.documents import Field
from pytc.words.engine import choose, fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.exec_proxy.agent_client import ListedObject
    from pytc.exec_proxy.agent_wire import ListedMap
    from pytc.render.documents import Document, Json
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc exec bpf agent PATH [ mode MODE ] [ user USER ]
       pytc exec bpf agent PATH list
       pytc exec bpf agent PATH drop { NAME | NUMBER | all }

Makes Unix sockets at PATH and PATH.control, takes what filters and actions export to PATH, and keeps it until it is
dropped or the agent ends. "pytc exec bpf import agent PATH" asks it for the maps. Sockets with these paths that a
service manager passes (sd_listen_fds(3)) are used in place of new ones.

mode  permissions of the sockets, octal {600}
user  a user, number or name, who may export, import, list and drop besides root and the agent's own
list  what the agent keeps
drop  lets it forget an object, by the name of its file or the number in the list
"""

WORDS = RIGHTS

_NOTIFY = "NOTIFY_SOCKET"


class ServeMaps(Command):
    """Keeps maps that are exported to ``path``."""

    path: str
    rights: SocketRights = SocketRights()


class ListObjects(Query):
    """Lists the objects of the agent at ``path``."""

    path: str


class DropObject(Command):
    """Lets the agent at ``path`` forget an object, by name or number; ``all`` for every one."""

    path: str
    object: str


def parse(cursor: Cursor) -> ServeMaps | ListObjects | DropObject:
    """Return the command; raises UsageError, HelpRequested."""
    path = cursor.take()
    verb = choose(cursor.peek(), ("list", "show", "drop")) if not cursor.done else ""
    if not verb:
        fields = fill(cursor, WORDS, {}, topic="exec bpf agent")
        refuse_more(cursor, "exec bpf agent")
        return ServeMaps(path, SocketRights(**fields))
    cursor.take()
    command = DropObject(path, cursor.take()) if verb == "drop" else ListObjects(path)
    refuse_more(cursor, "exec bpf agent")
    return command


def run(context: Context, command: ServeMaps | ListObjects | DropObject) -> list[Document] | None:
    """Serve until a signal ends it, or ask the agent; raises TransferError."""
    if isinstance(command, ListObjects):
        return _list(command)
    if isinstance(command, DropObject):
        _drop(command)
    else:
        _serve(context, command)
    return None


def _serve(context: Context, command: ServeMaps) -> None:
    from pytc.exec_proxy.agent import Agent, notify_ready
    from pytc.exec_proxy.sockets import given_descriptors
    from pytc.signal_blocks import unwind_on_signals

    rights = command.rights
    users, owner = rights.users(), rights.owner()
    raise_descriptor_limit()  # each map is one
    with (
        unwind_on_signals(quietly=True),
        Agent(
            command.path,
            mode=rights.mode,
            owner=owner,
            users=users,
            given=given_descriptors(context.environment),
            say=context.say,
        ) as agent,
    ):
        notify_ready(context.environment.get(_NOTIFY, ""))
        agent.serve()


def _list(command: ListObjects) -> list[Document]:
    from pytc.exec_proxy.agent_client import list_objects

    raise_descriptor_limit()  # an older agent lists only with the maps themselves
    return [_document(listed) for listed in list_objects(command.path)]


def _drop(command: DropObject) -> None:
    from pytc.exec_proxy.agent_client import drop

    is_all = command.object == "all"
    if not drop(command.path, "" if is_all else command.object) and not is_all:
        raise TransferError(f'the agent at "{command.path}" keeps no object "{command.object}"')


def _document(listed: ListedObject) -> Document:
    about, name, _ = listed
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(about.received // 10**9))
    rows = [_row(map) for map in listed.maps]
    maps: list[Json] = [values for values, _ in rows]
    return [
        Field("number", about.number, f"{about.number}: "),
        Field("object", name, f"{name} "),
        Field("received", about.received, f"received {when} "),
        Field("pid", about.pid, f"from process {about.pid} "),
        Field("uid", about.uid, f"of user {about.uid}\n"),
        Field("maps", maps, "".join(text for _, text in rows)),
    ]


def _row(about: ListedMap) -> tuple[Json, str]:
    kind = map_type_name(about.type)
    values: Json = {
        "id": about.id,
        "name": about.name,
        "type": kind,
        "bytes_key": about.key_size,
        "bytes_value": about.value_size,
        "max_entries": about.max_entries,
        "map": about.number,
    }
    return values, (
        f"    id {about.id} {about.name or '-'} {kind} key {about.key_size}B value {about.value_size}B "
        f"max_entries {about.max_entries} map {about.number}\n"
    )
