"""``exec bpf import``: maps from another process, and a command that inherits them."""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NoReturn

from pytc.commands.shared.context import Context
from pytc.commands.values import FetchMaps, ImportMaps, SocketRights
from pytc.errors import TransferError
from pytc.exec_proxy.environment import with_maps
from pytc.exec_proxy.map_transfer import Importer
from pytc.exec_proxy.received_maps import ReceivedObject
from pytc.exec_proxy.spawn import spawn
from pytc.signals import ended_by_signals

_SHELL = ("/bin/sh",)
_MOST_REMARKS = 20


def import_maps(context: Context, command: ImportMaps) -> NoReturn:
    """Waits for exports, then becomes the command; raises TransferError."""
    with ExitStack() as owned:
        objects: list[ReceivedObject] = []
        with ended_by_signals(), _importer(context, command) as importer:
            end = None if command.timeout is None else time.monotonic() + command.timeout
            while len(objects) < command.exports:
                left = None if end is None else max(end - time.monotonic(), 0.0)
                objects.append(owned.enter_context(importer.receive(left)))
        _become(context, command, objects)


def fetch_maps(context: Context, command: FetchMaps) -> NoReturn:
    """Asks an agent for maps, then becomes the command; raises TransferError."""
    from pytc.exec_proxy.agent_client import fetch

    with ExitStack() as owned:
        objects = [owned.enter_context(fetched.received) for fetched in fetch(command.path, command.object)]
        if not objects:
            what = f'no object "{command.object}"' if command.object else "no maps"
            raise TransferError(f'the agent at "{command.path}" keeps {what}')
        _become(context, command, objects)


def _become(context: Context, command: ImportMaps | FetchMaps, objects: Sequence[ReceivedObject]) -> NoReturn:
    if command.read_only:
        for received in objects:
            received.make_read_only()
    named = [one for received in objects for one in received.named()]
    spawn(command.words or _SHELL, with_maps(context.environment, named), [one.fd for one in named])


def _importer(context: Context, command: ImportMaps) -> Importer:
    user, owner = user_of(command.rights)
    return Importer(command.path, mode=command.rights.mode, owner=owner, users=user, refused=FewRemarks(context))


def user_of(rights: SocketRights) -> tuple[tuple[int, ...], int]:
    """(users that may take part besides root and this one, owner of the socket's file or -1 for this one)."""
    if not rights.user:
        return (), -1
    if rights.user.isascii() and rights.user.isdigit() and int(rights.user) < 1 << 32:
        uid = int(rights.user)
    else:
        import pwd

        try:
            uid = pwd.getpwnam(rights.user).pw_uid
        except KeyError:
            raise TransferError(f'there is no user "{rights.user}"') from None
    return (uid,), uid if uid != os.geteuid() else -1


class FewRemarks:
    """Says the first remarks, and then that it says no more: whoever is refused must not fill a log."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._left = _MOST_REMARKS

    def __call__(self, remark: str) -> None:
        self._left -= 1
        if self._left >= 0:
            self._context.say(remark)
        elif self._left == -1:
            self._context.say("more was refused, which is not said any more")
