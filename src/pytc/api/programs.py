"""Loaded programs as users of the library see them."""

from collections.abc import Iterable, Mapping
from typing import Literal

from pytc.api.attachments import CgroupAttachment, DeviceAttachment
from pytc.api.calls import public
from pytc.api.filters import FilterAttachment
from pytc.api.hooks import Neighbour
from pytc.api.runs import Buffer, Packet, PacketResult
from pytc.bpf.analyse.program_info import ProgramInfo
from pytc.bpf.loader import program as loader
from pytc.bpf.sys.constants import program_type_name
from pytc.protocols import ALL

DeviceHookName = Literal["ingress", "egress"]
NetkitHookName = Literal["primary", "peer"]


class Program(loader.Program):
    """A loaded program: attach it, run it on packets, ask about it.

    ``fd`` is its descriptor, for other libraries; the program lives as long as a descriptor is open, it is attached
    somewhere, or pinned.

    >>> with pytc.load("examples/bpf/traffic.o") as traffic:
    ...     traffic.programs.drop_icmp.run("eth ip icmp type 8").verdict
    'TC_ACT_SHOT'
    """

    @property
    def id(self) -> int:
        """The kernel's number of the program."""
        return self.description.id

    @property
    def type(self) -> str:
        """The kernel's name of its type, like ``sched_cls``."""
        return program_type_name(self.description.type)

    @property
    def tag(self) -> str:
        """A digest of its instructions: programs with the same code have the same tag, 16 hex digits."""
        return self.description.tag

    @property
    def info(self) -> ProgramInfo:
        """All that the kernel tells: sizes, maps, who loaded it and when, and how often it ran."""
        from pytc.bpf.analyse.program_info import program_info

        return program_info(self.fd)

    def fileno(self) -> int:
        """Return the descriptor, like Python's files."""
        return self.fd

    @public
    def run(
        self,
        packet: Packet,
        *,
        context: Mapping[str, int] | None = None,
        repeat: int = 1,
        classes: bool = False,
        events: Iterable[Buffer] = (),
    ) -> PacketResult:
        """Run the program on a packet, attached to nothing.

        The packet is bytes, beginning with the Ethernet header, words like ``"eth ip src 10.0.0.1 tcp dport 80"``, or a
        packet of scapy or dpkt; ``context`` are fields of ``struct __sk_buff`` that the kernel lets a test set, like
        ``{"mark": 7}``. ``repeat`` runs it more often, to measure ``duration`` (nanoseconds). ``classes`` is for
        classifiers without direct-action, whose return values are classes. ``events`` are ring buffers and perf event
        arrays, like ``[obj.maps.notices]``: the result has what was sent through them. Raises PacketError, BpfError.
        """
        from pytc.api.runs import run

        return run(self.fd, packet, context=context, repeat=repeat, classes=classes, events=events)

    @public
    def attach_filter(
        self,
        device: str,
        parent: str,
        *,
        direct_action: bool = True,
        classid: str = "",
        pref: int = 0,
        handle: int = 0,
        chain: int = 0,
        protocol: int = ALL,
        name: str = "",
        skip_hw: bool = False,
        skip_sw: bool = False,
        create_clsact: bool = True,
    ) -> FilterAttachment:
        """Attach the program as a ``bpf`` filter of traffic control.

        ``parent`` is ``ingress``, ``egress``, or a qdisc or class like ``1:``. ``pref`` and ``handle`` 0 let the kernel
        choose: the attachment says what it chose. Filters run in the order of their pref. With ``direct_action`` the
        program's return value is the verdict; without, it is a class, ``classid`` for -1. ``protocol`` is an EtherType,
        by default all; ``name`` is what dumps show. With ``create_clsact``, a device without a qdisc for ingress and
        egress gets clsact, which stays when the filter goes.

        Raises DeviceNotFoundError, QdiscConflictError for egress of an ingress qdisc, NetlinkError (EEXIST where a
        filter has this pref and handle), ArgumentError.
        """
        from pytc.api.filters import add_filter, filter_options

        options = filter_options(direct_action=direct_action, classid=classid, skip_hw=skip_hw, skip_sw=skip_sw)
        return add_filter(
            device,
            parent,
            self,
            options,
            pref=pref,
            handle=handle,
            chain=chain or None,
            protocol=protocol,
            name=name,
            create_clsact=create_clsact,
        )

    @public
    def ensure_filter(
        self,
        device: str,
        parent: str,
        *,
        direct_action: bool = True,
        classid: str = "",
        pref: int = 0,
        handle: int = 0,
        chain: int = 0,
        create_clsact: bool = True,
    ) -> FilterAttachment:
        """Attach the program as a filter unless it is there: to be called any number of times.

        The filter at ``pref`` and ``handle`` or, without both, the one whose program has this program's name, is left
        alone where it runs the same code, and gets this program in one step where it does not. The attachment's
        ``change`` says which: ``attached``, ``unchanged``, ``replaced``. A program that is left running keeps its own
        maps; this object's are the same only where they are pinned. Raises what :meth:`attach_filter` raises.
        """
        from pytc.api.filters import ensure_filter, filter_options

        options = filter_options(direct_action=direct_action, classid=classid, skip_hw=False, skip_sw=False)
        return ensure_filter(
            device,
            parent,
            self,
            options,
            pref=pref,
            handle=handle,
            chain=chain,
            create_clsact=create_clsact,
        )

    @public
    def attach_tcx(
        self,
        device: str,
        hook: DeviceHookName,
        *,
        first: bool = False,
        before: Neighbour | None = None,
        after: Neighbour | None = None,
        revision: int = 0,
        link: bool | str = False,
    ) -> DeviceAttachment:
        """Attach the program to a device without a qdisc (Linux 6.6).

        ``hook`` is ``ingress`` or ``egress``. It goes to the end of the run order, to its beginning with ``first``, or
        beside another program (an attachment, a program, an id or a name) with ``before`` or ``after``. ``revision``
        is the expected revision of the list, 0 for any.

        With ``link``, it is attached by a link: the attachment then ends with this process, or with the attachment
        object, unless the link is pinned; a string is the path of a pin in a bpffs. Without, it stays until it is
        detached. Raises DeviceNotFoundError, UnsupportedError, AttachError.
        """
        from pytc.api.hooks import attach_to_device

        return attach_to_device(
            device, hook, self, first=first, before=before, after=after, revision=revision, link=link
        )

    @public
    def ensure_tcx(self, device: str, hook: DeviceHookName) -> DeviceAttachment:
        """Attach the program to tcx unless it is there; what :meth:`ensure_filter` says of programs holds here, too."""
        from pytc.api.hooks import attach_to_device, device_attachments, ensure_listed

        return ensure_listed(device_attachments(device, hook), self, lambda: attach_to_device(device, hook, self))

    @public
    def attach_netkit(
        self,
        device: str,
        hook: NetkitHookName = "primary",
        *,
        first: bool = False,
        before: Neighbour | None = None,
        after: Neighbour | None = None,
        revision: int = 0,
        link: bool | str = False,
    ) -> DeviceAttachment:
        """Attach the program to a netkit device (Linux 6.7), by its primary device; other arguments and errors are
        those of :meth:`attach_tcx`."""
        from pytc.api.hooks import attach_to_device

        return attach_to_device(
            device, hook, self, first=first, before=before, after=after, revision=revision, link=link
        )

    @public
    def attach_cgroup(
        self,
        path: str,
        attach_type: str = "",
        *,
        sharing: Literal["multi", "override", "exclusive"] = "multi",
        link: bool | str = False,
    ) -> CgroupAttachment:
        """Attach the program to a cgroup, by the path of its directory.

        ``attach_type`` is a word like ``egress``, ``connect4`` or ``sock_ops``, by default what the section's name
        says. ``sharing`` is how it goes together with programs of cgroups above and below: ``multi`` beside them,
        ``override`` and ``exclusive`` alone. ``link`` is that of :meth:`attach_tcx`. Raises AttachError.
        """
        from pytc.api.hooks import attach_to_cgroup

        return attach_to_cgroup(path, self, attach_type=attach_type, sharing=sharing, link=link)

    @public
    def ensure_cgroup(self, path: str, attach_type: str = "") -> CgroupAttachment:
        """Attach the program to a cgroup unless it is there; what :meth:`ensure_filter` says of programs holds here,
        too."""
        from pytc.api.attachments import listed
        from pytc.api.hooks import attach_to_cgroup, ensure_listed

        existing = [one for one in listed(path) if not attach_type or one.attach_type == attach_type]
        return ensure_listed(existing, self, lambda: attach_to_cgroup(path, self, attach_type=attach_type))
