"""Descriptors that came from another process: not believed to be maps before the kernel says so."""

import os
from collections.abc import Sequence

from pytc.bpf.maps.map import Map
from pytc.bpf.sys.abi import IdAttr
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf
from pytc.closing import Closing
from pytc.errors import BpfSyscallError, MessageError
from pytc.exec_proxy.environment import NamedDescriptor
from pytc.exec_proxy.sockets import Credentials
from pytc.exec_proxy.wire import MapEntry, ObjectIdentity

_MAP_LINK = "anon_inode:bpf-map"
_F_RDONLY = 1 << 3  # BPF_F_RDONLY


def verified_map(descriptor: OwnedFd) -> Map:
    """The map that a descriptor is; closes it and raises MessageError where it is anything else."""
    try:
        found = os.readlink(f"/proc/self/fd/{descriptor.fd}")
        if found != _MAP_LINK:
            raise MessageError(f"a descriptor is no BPF map but {found!a}")
        return Map(descriptor)
    except BaseException as error:
        descriptor.close()
        if isinstance(error, OSError | BpfSyscallError):
            raise MessageError(f"a descriptor cannot be examined: {error}", errno=error.errno) from error
        raise


def read_only(found: Map) -> Map:
    """The same map, opened so that user space can only read it; closes ``found``. Raises BpfSyscallError."""
    with found:
        number = found.description.id
        what = f'map "{found.name}": opening it read-only'
        return Map(OwnedFd(bpf(Command.MAP_GET_FD_BY_ID, IdAttr(id=number, open_flags=_F_RDONLY), what=what)))


class ReceivedObject(Closing):
    """The maps of one export; owns their descriptors. ``entries`` is what the sender says of them, in the same order:
    only its ids are used, for the rest the kernel is asked (``maps[0].description``)."""

    def __init__(
        self, identity: ObjectIdentity, entries: Sequence[MapEntry], maps: Sequence[Map], sender: Credentials
    ) -> None:
        self.identity = identity
        self.entries = list(entries)
        self.maps = list(maps)
        self.sender = sender

    def make_read_only(self) -> None:
        """Reopens every map; raises BpfSyscallError."""
        for at, found in enumerate(self.maps):
            self.maps[at] = read_only(found)

    def named(self) -> list[NamedDescriptor]:
        """The descriptors with ids and names."""
        return [
            NamedDescriptor(entry.id, found.description.name, found.fd)
            for entry, found in zip(self.entries, self.maps, strict=True)
        ]

    def map_ids(self) -> frozenset[int]:
        """The kernel's ids of the maps."""
        return frozenset(found.description.id for found in self.maps)

    def close(self) -> None:
        for found in self.maps:
            found.close()
