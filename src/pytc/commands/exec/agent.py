"""``exec bpf agent``: a process that keeps maps, and what it keeps."""

import resource
import time
from contextlib import suppress

from pytc.bpf.maps.map import Map
from pytc.bpf.sys.constants import map_type_name
from pytc.commands.exec.import_ import user_of
from pytc.commands.shared.context import Context
from pytc.commands.values import DropKept, ListKept, ServeMaps
from pytc.errors import TransferError
from pytc.exec_proxy.agent import Agent
from pytc.exec_proxy.agent_client import Fetched, drop, fetch
from pytc.exec_proxy.notify import notify_ready
from pytc.exec_proxy.wire import MapEntry
from pytc.render.documents import Document, Field, Json
from pytc.signals import ended_by_signals

_NOTIFY = "NOTIFY_SOCKET"


def serve_maps(context: Context, command: ServeMaps) -> None:
    """Keeps maps until a signal ends it; raises TransferError."""
    users, owner = user_of(command.rights)
    _allow_many_descriptors()
    with (
        ended_by_signals(quietly=True),
        Agent(command.path, mode=command.rights.mode, owner=owner, users=users, say=context.say) as agent,
    ):
        notify_ready(context.environment.get(_NOTIFY, ""))
        agent.serve()


def _allow_many_descriptors() -> None:
    """As many as the hard limit allows: each map is one."""
    with suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def list_kept(context: Context, command: ListKept) -> list[Document]:
    """What an agent keeps, a document for each object; raises TransferError."""
    documents = []
    for fetched in fetch(command.path):
        with fetched.received:
            documents.append(_document(fetched))
    return documents


def drop_kept(context: Context, command: DropKept) -> None:
    """Lets an agent forget objects; raises TransferError where it has none such."""
    if not drop(command.path, "" if command.object == "all" else command.object) and command.object != "all":
        raise TransferError(f'the agent at "{command.path}" keeps no object "{command.object}"')


def _document(fetched: Fetched) -> Document:
    about, received = fetched
    name = received.identity.name
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(about.received // 10**9))
    rows = [_row(entry, found) for entry, found in zip(received.entries, received.maps, strict=True)]
    maps: list[Json] = [values for values, _ in rows]
    return [
        Field("number", about.number, f"{about.number}: "),
        Field("object", name, f"{name} "),
        Field("received", about.received, f"received {when} "),
        Field("pid", about.pid, f"from process {about.pid} "),
        Field("uid", about.uid, f"of user {about.uid}\n"),
        Field("maps", maps, "".join(text for _, text in rows)),
    ]


def _row(entry: MapEntry, found: Map) -> tuple[Json, str]:
    about = found.description
    kind = map_type_name(about.type)
    values: Json = {
        "id": entry.id,
        "name": about.name,
        "type": kind,
        "bytes_key": about.key_size,
        "bytes_value": about.value_size,
        "max_entries": about.max_entries,
        "map": about.id,
    }
    return values, (
        f"    id {entry.id} {about.name or '-'} {kind} key {about.key_size}B value {about.value_size}B "
        f"max_entries {about.max_entries} map {about.id}\n"
    )
