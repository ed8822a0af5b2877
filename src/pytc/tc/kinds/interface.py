"""Interfaces of kinds of filters, actions and qdiscs: what a module declares, and what its functions receive."""

from __future__ import annotations

from pytc.handles import UNSPEC
from pytc.netlink.schema import Nested
from pytc.tc.actions.action import ActionOptions
from pytc.typing import Generic, NamedTuple, TypeVar
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Literal

    from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
    from pytc.bpf.sys.descriptions import ProgramDescription
    from pytc.handles import Handle
    from pytc.netlink.schema import Attributes, Schema
    from pytc.render.documents import Display, Document, Part
    from pytc.tc.actions.action import Action
    from pytc.tc.clock import Clock
    from pytc.tc.kinds.shared.ematch_arguments import Arguments
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

    #: Returns the kernel's description of the program with an id; None when it is gone or may not be seen.
    ProgramLookup = Callable[[int], ProgramDescription | None]

    #: Attributes in the order in which they are sent.
    Encoded = list[tuple[str, Any]]


class OpenedProgram(NamedTuple):
    """A program that can be attached.

    ``annotation`` is the name that dumps show; ``type`` and ``attach_type`` are what it was loaded as, the latter None
    where nothing says it. ``declaration`` is the program in its object, None for one that does not come from a file.
    """

    fd: int
    annotation: str
    type: int = 0
    attach_type: int | None = None
    declaration: tuple[ObjectSpec, ProgramSpec] | None = None


class FilterOptions(Value):
    """The words of a filter of some kind.

    A kind that has programs, actions or the old police option overrides the property with a field, which needs a
    default.
    """

    @property
    def source(self) -> BpfSource | None:
        """The program to run."""
        return None

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions that the words name, in their order."""
        return ()

    @property
    def police(self) -> ActionOptions | None:
        """The options of the old attribute for policing."""
        return None

    @property
    def follows_from_words(self) -> bool:
        """False where a name stands for a number that the kernel gives anew: of a device, or of a set."""
        return True


class FilterPlace(NamedTuple):
    """The place of a filter, on which the meaning of its options may depend.

    ``protocol`` is an EtherType, 0 where none was given; ``parent`` is ``tcm_parent``.
    """

    protocol: int = 0
    parent: int = 0


class FilterView(NamedTuple):
    """A filter's surroundings, for its document; ``police`` and ``actions`` go where the kind shows them."""

    handle: int
    protocol: int
    display: Display
    police: Sequence[Part] = ()
    actions: Sequence[Part] = ()


class Restoration(Value):
    """What makes the kernel's description of an object a request that restores the object.

    Names are those of the kind's attributes, whole. Where a request ``replaces`` an object's options, those that it
    lacks get their defaults; elsewhere they stay, and an option that was not there before is taken back only if it is
    in ``unset``, by the value there, or with another attribute where that is None. ``described`` are attributes that
    are not sent. ``resent`` has functions of values that the kernel shows otherwise than it takes them, rounded or
    without a mark; they return what makes them so, None for nothing.
    Of the structure before the attributes, ``header`` bytes are options, and those behind them counters; all, where it
    is 0. Objects with one of the ``counters`` lose it, unless all its bytes are 0.

    ``refuse`` is given the attributes that are there and those that are requested, None for a deletion, and returns why
    it could not be taken back, empty where it could.

    Of filters, ``place`` is where one goes that is added to others of its preference; empty where it cannot be known.
    Those that may not be ``deleted`` are changed at most.
    """

    replaces: bool = False
    unset: Mapping[str, Any] = {}
    described: tuple[str, ...] = ()
    resent: Mapping[str, Callable[[Any], Any]] = {}
    header: int = 0
    counters: tuple[str, ...] = ()
    refuse: Callable[[Attributes, Attributes | None], str] | None = None
    place: Literal["first", "last", ""] = ""
    deleted: bool = True


_Filter = TypeVar("_Filter", bound=FilterOptions)
_Action = TypeVar("_Action", bound=ActionOptions)
_Ematch = TypeVar("_Ematch")
_Qdisc = TypeVar("_Qdisc")
_Class = TypeVar("_Class")
_Record = TypeVar("_Record")


class FilterKind(Value, Generic[_Filter, _Record]):
    """A kind of filter.

    ``encode`` turns options into attributes, with the program that was opened for them (None where they name none);
    ``decode`` turns attributes into a record, and ``document`` shows it. ``handle`` reads a filter handle and raises
    ValueError, or InvalidOptionsError where tc has a message of its own. Where handle and options depend on each other,
    ``settle`` gets both, and returns both as they are sent; it raises InvalidOptionsError.

    ``place`` returns options as they are sent for a place, where they depend on it, and raises InvalidOptionsError.

    A kind that takes actions names their attributes, ``actions`` and ``police``. ``brief`` are the attributes that
    brief output shows. ``usage`` returns a help text. Where it ``sends_always``, options are sent also without any
    word. Without a ``restoration``, an existing filter cannot be restored.
    """

    name: str
    schema: Schema
    parse: Callable[[Cursor], _Filter]
    encode: Callable[[_Filter, OpenedProgram | None], Encoded]
    decode: Callable[[Attributes, ProgramLookup], _Record]
    document: Callable[[_Record, FilterView], Document]
    handle: Callable[[str], int]
    actions: str = ""
    police: str = ""
    settle: Callable[[_Filter, str], tuple[_Filter, str]] | None = None
    brief: tuple[str, ...] = ()
    usage: Callable[[], str] = str
    sends_always: bool = False
    place: Callable[[_Filter, FilterPlace], _Filter] | None = None
    restoration: Restoration | None = None


class EmatchKind(Value, Generic[_Ematch]):
    """A kind of ematch, with its ``number`` of TCF_EM_*.

    ``parse`` turns the words in the brackets into what ``encode`` makes the bytes of; without an ``encode``, it returns
    the bytes. ``show`` returns what stands in the brackets in print, with the members in JSON, and raises ValueError,
    struct.error or PytcError for bytes that are none of this kind's. ``usage`` is a line of help.
    """

    name: str
    number: int
    parse: Callable[[Arguments], _Ematch]
    show: Callable[[bytes], Sequence[Part]]
    usage: str
    encode: Callable[[_Ematch], bytes] | None = None


class EncodeEnv(NamedTuple):
    """The environment that encodes an action; ``device_index`` raises DeviceNotFoundError."""

    program: OpenedProgram | None
    device_index: Callable[[str], int]
    clock: Callable[[], Clock]


class RenderEnv(NamedTuple):
    """The environment that renders an action."""

    display: Display
    program: ProgramLookup
    device_name: Callable[[int], str]
    clock: Callable[[], Clock]


class ActionKind(Value, Generic[_Action]):
    """A kind of action.

    ``parse`` reads all words up to those that every action may have (cookie, hw_stats ...). ``usage`` returns a help
    text, ``heading`` is what brief output shows before the index, where that is not the kind. Without a
    ``restoration``, an existing action cannot be restored.
    """

    name: str
    schema: Schema
    parse: Callable[[Cursor], _Action]
    encode: Callable[[_Action, EncodeEnv], Encoded]
    document: Callable[[Attributes, RenderEnv], Document]
    usage: Callable[[], str]
    heading: Document | None = None
    restoration: Restoration | None = None


class QdiscEnv(NamedTuple):
    """The environment that encodes a qdisc or class.

    ``speed`` returns the device's in Mbit/s; ``distribution`` reads a table of delays by its name. Both are called only
    where an option refers to them, and raise PytcError.
    """

    clock: Clock
    speed: Callable[[], int]
    distribution: Callable[[str], Sequence[int]]


class QdiscKind(Value, Generic[_Qdisc, _Class]):
    """A kind of qdisc and, where it has them, of its classes.

    ``schema`` has the attributes of both. Those of the qdisc follow ``header`` bytes of a structure, which decoding
    keeps as :data:`~pytc.netlink.schema.HEADER`, and which is the first that is encoded. ``encode`` returns None where
    no TCA_OPTIONS is to be sent; ``nested`` says that it is sent with NLA_F_NESTED, without which some kinds refuse it.
    ``flags`` returns what the request has in its header besides the verb's. ``statistics`` and ``class_statistics``
    show the kind's own statistics (bytes of TCA_STATS_APP). ``usage`` and ``class_usage`` return help texts. A kind
    that has one place only names it as ``default_parent``, and its handle there.
    """

    name: str
    schema: Schema
    parse: Callable[[Cursor], _Qdisc]
    encode: Callable[[_Qdisc, QdiscEnv], Encoded | None]
    document: Callable[[Attributes, Display, Clock], Document]
    usage: Callable[[], str]
    header: int = 0
    statistics: Callable[[bytes, Display], Document] | None = None
    parse_class: Callable[[Cursor], _Class] | None = None
    encode_class: Callable[[_Class, QdiscEnv], Encoded] | None = None
    document_class: Callable[[Attributes, Display, Clock], Document] | None = None
    class_statistics: Callable[[bytes, Display], Document] | None = None
    class_usage: Callable[[], str] = str
    default_handle: Handle = UNSPEC
    default_parent: Handle = UNSPEC
    nested: bool = False
    restoration: Restoration | None = None
    class_restoration: Restoration | None = None

    def options(self, encoded: Encoded) -> bytes:
        """Return TCA_OPTIONS of a qdisc or class."""
        raw = self.schema.encode(encoded)
        return Nested(raw) if self.nested else raw

    flags: Callable[[_Qdisc], int] | None = None


if TYPE_CHECKING:
    #: Kinds as they are found by name: which options go with which kind, only the kinds themselves know.
    AnyFilterKind = FilterKind[Any, Any]
    AnyActionKind = ActionKind[Any]
    AnyEmatchKind = EmatchKind[Any]
    AnyQdiscKind = QdiscKind[Any, Any]
