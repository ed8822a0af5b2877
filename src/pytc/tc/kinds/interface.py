"""What a kind's module offers, and what it is given."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytc.bpf.sys.descriptions import ProgramDescription
from pytc.handles import UNSPEC, Handle
from pytc.render.documents import Document, Part, Shown
from pytc.words.engine import Cursor

if TYPE_CHECKING:
    from pytc.tc.kinds.shared.programs import BpfSource

#: Netlink attributes in order of their numbers, from 0: (name, pyroute2's name of the type).
Schema = tuple[tuple[str, str], ...]
#: Attributes of a message, by name.
Attributes = Mapping[str, Any]
#: The kernel's description of the program with an id; None when it is gone or may not be seen.
ProgramLookup = Callable[[int], ProgramDescription | None]


class OpenedProgram(NamedTuple):
    """A program that is ready to be attached. ``annotation`` is the name that dumps show; ``type`` and ``attach_type``
    are what it was loaded as, the latter None where nothing says it."""

    fd: int
    annotation: str
    type: int = 0
    attach_type: int | None = None


class FilterView(NamedTuple):
    """What a filter's ``document`` may need to know besides its options; ``police`` and ``actions`` are ready to be put
    where the kind shows them."""

    handle: int
    protocol: int
    shown: Shown
    police: Sequence[Part] = ()
    actions: Sequence[Part] = ()


class FilterKind(NamedTuple):
    """``encode`` turns options into attributes, with the program that the operation opened for them (None for a
    kind, or a mode, that has none); ``document`` says what ``decode`` found. ``handle`` reads a filter handle and
    raises ValueError, or InvalidOptionsError where tc has a message of its own. Where handle and options depend on
    each other, ``settle`` gets both, and returns both as they are sent; it raises InvalidOptionsError.

    A kind that takes actions names their attributes, ``actions`` and ``police``; its options have fields of these
    names, with a tuple of :class:`pytc.commands.values.Action`, and the police action's options. ``brief`` are the
    attributes that are shown of it in brief. ``usage`` is a help text.
    """

    name: str
    schema: Schema
    parse: Callable[[Cursor], Any]
    encode: Callable[[Any, OpenedProgram | None], list[tuple[str, Any]]]
    decode: Callable[[Attributes, ProgramLookup], Any]
    document: Callable[[Any, FilterView], Document]
    handle: Callable[[str], int]
    actions: str = ""
    police: str = ""
    settle: Callable[[Any, str], tuple[Any, str]] | None = None
    brief: tuple[str, ...] = ()
    usage: str = ""


#: The name of the bytes of TCA_OPTIONS before its attributes, in :data:`Attributes` and in what is encoded.
HEADER = ""


class Clock(NamedTuple):
    """What a tick is, in which the kernel counts the time that a burst takes (/proc/net/psched)."""

    ticks_per_microsecond: float = 15.625
    hertz: int = 10**9


class Given(NamedTuple):
    """What an action's ``encode`` may need to know. ``device_index`` raises DeviceNotFoundError."""

    program: OpenedProgram | None
    device_index: Callable[[str], int]
    clock: Callable[[], Clock]


class Seen(NamedTuple):
    """What an action's ``document`` may need to know."""

    shown: Shown
    program: ProgramLookup
    device_name: Callable[[int], str]
    clock: Callable[[], Clock]


class ActionKind(NamedTuple):
    """An action. ``parse`` reads all up to what every action may have (cookie, hw_stats ...). ``usage`` is a help text.

    ``source`` says which program the options name, for a kind that has programs; it is in the hands of ``encode`` as
    ``Given.program``.
    """

    name: str
    schema: Schema
    parse: Callable[[Cursor], Any]
    encode: Callable[[Any, Given], list[tuple[str, Any]]]
    document: Callable[[Attributes, Seen], Document]
    usage: str
    source: "Callable[[Any], BpfSource | None] | None" = None


class Surroundings(NamedTuple):
    """What qdiscs and classes are encoded with besides their options.

    ``speed`` is the device's in Mbit/s; ``distribution`` reads a table of delays by its name. Both are asked only where
    an option refers to them, and raise PytcError.
    """

    clock: Clock
    speed: Callable[[], int]
    distribution: Callable[[str], Sequence[int]]


class QdiscKind(NamedTuple):
    """The same for a qdisc and, where it has them, its classes.

    ``schema`` has the attributes of both; they follow ``header`` bytes of a structure, which decoding keeps as
    :data:`HEADER`, and which is the first that is encoded. ``encode`` returns None where no TCA_OPTIONS is to be sent.
    ``statistics`` and ``class_statistics`` say what the kind's own statistics are (bytes of TCA_STATS_APP). ``usage``
    and ``class_usage`` are help texts. A kind that has one place only names it as ``default_parent``, and its handle
    there.
    """

    name: str
    schema: Schema
    parse: Callable[[Cursor], Any]
    encode: Callable[[Any, Surroundings], list[tuple[str, Any]] | None]
    document: Callable[[Attributes, Shown, Clock], Document]
    usage: str
    header: int = 0
    statistics: Callable[[bytes], Document] | None = None
    parse_class: Callable[[Cursor], Any] | None = None
    encode_class: Callable[[Any, Surroundings], list[tuple[str, Any]]] | None = None
    document_class: Callable[[Attributes, Shown, Clock], Document] | None = None
    class_statistics: Callable[[bytes], Document] | None = None
    class_usage: str = ""
    default_handle: Handle = UNSPEC
    default_parent: Handle = UNSPEC
