"""What the user asked of tcx, cgroups and links: one frozen value for each command."""

from typing import Any, NamedTuple

from pytc.commands.shared.command import Attaching, Query


class Reference(NamedTuple):
    """A program that is attached. ``kind`` is id, name, pinned (of a program or a link) or link (an id or a pin)."""

    kind: str
    text: str


class Order(NamedTuple):
    """``where`` is first, last, before or after; the latter two with a reference."""

    where: str = "last"
    reference: Reference | None = None


class AttachTcx(Attaching):
    """``hook`` is ingress, egress, primary or peer; ``source`` what the words of a bpf filter make of a program.

    ``link`` is the path for the pin of a link, empty for a plain attachment. ``revision`` is the expected one, 0 for
    any.
    """

    device: str
    hook: str
    source: Any
    order: Order = Order()
    link: str = ""
    revision: int = 0


class ReplaceTcx(Attaching):
    """``old`` is None for the only program that there is."""

    device: str
    hook: str
    source: Any
    old: Reference | None = None
    revision: int = 0


class DetachTcx(Attaching):
    """``which`` is None for all of them."""

    device: str
    hook: str
    which: Reference | None
    revision: int = 0


class ShowTcx(Query):
    """An empty device is all of them, an empty hook both or all four."""

    device: str = ""
    hook: str = ""


class ShowHooks(Query):
    device: str


class CgroupPlace(NamedTuple):
    """A cgroup: the path of its directory, or that of the process with an id."""

    path: str = ""
    pid: int = 0


class AttachCgroup(Attaching):
    """``attach`` is the word of an attach type, empty for what the program's section says; ``sharing`` is multi,
    override or exclusive. ``old`` is the program whose place is taken."""

    place: CgroupPlace
    source: Any
    attach: str = ""
    sharing: str = "multi"
    link: str = ""
    old: Reference | None = None


class DetachCgroup(Attaching):
    """``which`` is None for all of them."""

    place: CgroupPlace
    which: Reference | None
    attach: str = ""


class ShowCgroup(Query):
    """``effective`` adds what the cgroups above it have attached for those below."""

    place: CgroupPlace
    attach: str = ""
    effective: bool = False


class ShowCgroupTree(Query):
    """From an empty place, all of cgroup2."""

    place: CgroupPlace
    effective: bool = False
