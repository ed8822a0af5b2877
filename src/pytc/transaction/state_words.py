"""Commands in words that make objects which exist, from what the kernel says of them.

What a kind shows is turned into its words (:mod:`pytc.tc.kinds.shared.shown_words`). That is a proposal: whether the
words make the object again is known once they have been tried.
"""

from __future__ import annotations

from itertools import product

from pytc.errors import UnnamedError
from pytc.handles import ROOT, UNSPEC, Handle
from pytc.netlink import constants as c
from pytc.netlink.session import interface_name
from pytc.protocols import format_protocol
from pytc.render.documents import Display
from pytc.tc.actions.documents import options_document
from pytc.tc.actions.records import decode_action_options, generic_parameters
from pytc.tc.classes.records import decode_class
from pytc.tc.clock import read_clock
from pytc.tc.filters.records import decode_filter
from pytc.tc.filters.requests import POINTS
from pytc.tc.kinds import filters, qdiscs
from pytc.tc.kinds.filters.bpf import BpfRecord
from pytc.tc.kinds.interface import FilterView
from pytc.tc.kinds.shared import size_table
from pytc.tc.kinds.shared.action_parts import control_group
from pytc.tc.kinds.shared.filter_parts import SKIP_HW, SKIP_SW
from pytc.tc.kinds.shared.ownership import split_owner
from pytc.tc.kinds.shared.programs import bytecode_field
from pytc.tc.kinds.shared.shown_words import action_words, exact_text, words_of
from pytc.tc.qdiscs.records import decode_qdisc
from pytc.tc.rates import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytc.netlink.messages import TcMessage
    from pytc.netlink.schema import Attributes
    from pytc.tc.actions.records import ActionRecord
    from pytc.tc.filters.records import FilterRecord
    from pytc.tc.kinds.interface import Restoration

    #: Returns the words that name the program with an id, given its name in dumps; raises UnnamedError.
    ProgramWords = Callable[[str, int], Sequence[str]]
_INGRESS_KINDS = ("clsact", "ingress")
#: Kinds of filters whose handle follows from their options.
_COMPUTED = ("route",)
_DISPLAYS = (Display(), Display(details=True))
_EXACT: Mapping[str, Sequence[Display]] = {"tbf": (Display(raw=True),)}
_BURSTS = ("burst", "cburst", "minburst", "mtu")
_HW_STATS = {1: "immediate", 2: "delayed", 0: "disabled"}
_NO_PERCPU = 1
_TABLE_SHIFT, _NODE_BITS, _NODE, _IN_TABLE, _CHOSEN_TABLE = 20, 12, 0xFFF, 0xFFFFF, 0x800
#: A mask of all bits, which fw filters do not show.
_ALL = 0xFFFFFFFF


def proposals(message: TcMessage, program: ProgramWords) -> Iterator[list[str]]:
    """Yield commands in words that may make a qdisc, class, filter or chain, the shortest first.

    Raises UnnamedError.
    """
    name = message.attributes.get("TCA_KIND", "")
    proposed: list[list[str]] = []
    for display in _EXACT.get(name, _DISPLAYS):
        command = _command(message, display, program)
        for words in _rounded_up(command) if message.type in (c.NEWQDISC, c.NEWTCLASS) else (command,):
            if words not in proposed:
                proposed.append(words)
                yield words


def _rounded_up(words: list[str]) -> Iterator[list[str]]:
    """Yield words as they are, and with bursts of a byte more: the kernel counts them in ticks, and rounds down."""
    positions = [at + 1 for at, word in enumerate(words[:-1]) if word in _BURSTS]
    for chosen in product((False, True), repeat=len(positions)):
        changed = [*words]
        for position in (position for position, is_more in zip(positions, chosen, strict=True) if is_more):
            size, slash, cell = words[position].partition("/")
            changed[position] = f"{parse_size(size) + 1}b{slash}{cell}"
        yield changed


def _command(message: TcMessage, display: Display, program: ProgramWords) -> list[str]:
    try:
        if message.type == c.NEWQDISC:
            return _qdisc(message, display)
        if message.type == c.NEWTCLASS:
            return _class(message, display)
        return _filter(message, display, program)
    except ValueError as error:
        raise UnnamedError("what tc shows of it cannot be split into words") from error


def _unknown(sort: str, kind: str) -> UnnamedError:
    return UnnamedError(f'pytc does not know the kind of {sort} "{kind}"')


def _qdisc(message: TcMessage, display: Display) -> list[str]:
    record = decode_qdisc(message)
    kind = qdiscs.find(record.kind)
    if kind is None:
        raise _unknown("qdisc", record.kind)
    words = ["qdisc", "add", "dev", interface_name(record.ifindex)]
    if record.kind not in _INGRESS_KINDS:
        words += [*(["root"] if record.parent == ROOT else ["parent", str(record.parent)])]
        words += ["handle", f"{record.handle.major:x}:"]
    for name, block in (("ingress_block", record.ingress_block), ("egress_block", record.egress_block)):
        words += [name, str(block)] if block else []
    if record.stab is not None:
        words += ["stab", *exact_text(size_table.document(record.stab)).split()]
    words.append(record.kind)
    if record.attributes is not None and record.kind not in _INGRESS_KINDS:
        attributes = _resent(record.attributes, kind.restoration)
        words += words_of(record.kind, exact_text(kind.document(attributes, display, read_clock())))
    return words


def _resent(attributes: Attributes, restoration: Restoration | None) -> Attributes:
    """Return attributes with those values that make the kernel show what it does."""
    if restoration is None:
        return attributes
    resent = restoration.resent
    changed = {name: resent[name](value) if name in resent else value for name, value in attributes.items()}
    return {name: value for name, value in changed.items() if value is not None}


def _class(message: TcMessage, display: Display) -> list[str]:
    record = decode_class(message)
    kind = qdiscs.find(record.kind)
    if kind is None or kind.document_class is None or record.attributes is None:
        raise _unknown("class", record.kind)
    parent = record.parent if record.parent != ROOT else Handle(record.handle.major, 0)
    words = ["class", "add", "dev", interface_name(record.ifindex), "parent", str(parent)]
    words += ["classid", str(record.handle), record.kind]
    attributes = _resent(record.attributes, kind.class_restoration)
    return [*words, *words_of(record.kind, exact_text(kind.document_class(attributes, display, read_clock())))]


def _filter(message: TcMessage, display: Display, program: ProgramWords) -> list[str]:
    record = decode_filter(message)
    assert record is not None
    words = ["chain" if record.is_chain else "filter", "add", *_place(record)]
    if record.is_chain:
        words += ["chain", str(record.chain or 0)]
        if not record.kind:
            return words
    if record.protocol:
        words += ["protocol", format_protocol(record.protocol)]
    if not record.is_chain:
        words += ["pref", str(record.pref)]
        words += ["chain", str(record.chain)] if record.chain else []
    kind = filters.find(record.kind)
    if kind is None:
        raise _unknown("filter", record.kind)
    if record.handle and record.kind not in _COMPUTED:
        words += ["handle", _handle(message, record)]
    words.append(record.kind)
    if isinstance(record.options, BpfRecord):
        words += _bpf(record.options, program)
    elif record.options is not None:
        view = FilterView(record.handle, record.protocol, display)
        words += words_of(record.kind, " ".join(exact_text(kind.document(record.options, view)).split()))
    if record.police is not None:
        words += action_words("police", exact_text(options_document("police", record.police, display)))
    for action in record.actions:
        words += ["action", *_action(action, display, program)]
    return words


def _place(record: FilterRecord) -> list[str]:
    if record.ifindex == c.BLOCK:
        return ["block", str(record.block)]
    words = ["dev", interface_name(record.ifindex)]
    if record.parent == UNSPEC:
        return words
    return [*words, point] if (point := POINTS.get(record.parent)) else [*words, "parent", str(record.parent)]


def _handle(message: TcMessage, record: FilterRecord) -> str:
    """Return the handle in words; of a filter in a table of u32 that the kernel has numbered, without that number."""
    handle = record.handle
    if record.kind == "u32":
        table, bucket, node = handle >> _TABLE_SHIFT, (handle & _IN_TABLE) >> _NODE_BITS, handle & _NODE
        table = table if table < _CHOSEN_TABLE else 0
        return ":".join(f"{part:x}" if part else "" for part in ((table, bucket, node) if node else (table, 0)))
    kind = filters.find(record.kind)
    assert kind is not None
    mask = kind.schema.decode(message.attributes.get("TCA_OPTIONS", b"")).get("TCA_FW_MASK", _ALL)
    return f"{handle:#x}/{mask:#x}" if mask != _ALL else f"{handle:#x}"


def _bpf(record: BpfRecord, program: ProgramWords) -> list[str]:
    words: list[str] = []
    if record.packed:
        words += ["bytecode", _bytecode(record.packed)]
    elif record.program_id:
        name, owner = split_owner(record.annotation)
        words += [*program(name, record.program_id), *(["owner", owner] if owner else ["unowned"])]
    words += ["direct-action"] if record.direct_action else []
    words += ["flowid", str(record.classid)] if record.classid is not None else []
    flags = record.flags or 0
    return [*words, *(word for word, bit in (("skip_hw", SKIP_HW), ("skip_sw", SKIP_SW)) if flags & bit)]


def _bytecode(packed: bytes) -> str:
    return bytecode_field(packed).text.removeprefix("bytecode ").strip("'")


def _action(record: ActionRecord, display: Display, program: ProgramWords) -> list[str]:
    if record.attributes is None:
        raise _unknown("action", record.kind)
    generic = generic_parameters(record)
    if record.kind == "bpf":
        assert generic is not None
        words = ["bpf", *_bpf_action(decode_action_options("bpf", record.options), program)]
        words += exact_text([control_group(generic.control)]).split()
    else:
        words = action_words(record.kind, exact_text(options_document(record.kind, record.attributes, display)))
    if generic is not None and generic.bindcnt > 1:  # other filters run the same action
        words += ["index", str(generic.number)]
    words += ["cookie", record.cookie.hex()] if record.cookie else []
    if record.hw_stats in _HW_STATS:
        words += ["hw_stats", _HW_STATS[record.hw_stats or 0]]
    value, selector = record.flags
    return [*words, *(["no_percpu"] if value & selector & _NO_PERCPU else [])]


def _bpf_action(attributes: Mapping[str, object], program: ProgramWords) -> Sequence[str]:
    packed, number = attributes.get("TCA_ACT_BPF_OPS"), attributes.get("TCA_ACT_BPF_ID")
    if isinstance(packed, bytes) and packed:
        return ["bytecode", _bytecode(packed)]
    assert isinstance(number, int)
    return program(str(attributes.get("TCA_ACT_BPF_NAME", "")), number)


def line_of(words: Sequence[str]) -> str:
    """Return words as a line of a batch; raises UnnamedError for one that no quotes can hold."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if "#" in word or "\n" in word:
        raise UnnamedError("a name in it cannot be written in a batch")
    if word and word[0] not in "'\"" and not any(letter.isspace() for letter in word):
        return word
    quote = "'" if "'" not in word else '"'
    if quote in word:
        raise UnnamedError("a name in it cannot be written in a batch")
    return f"{quote}{word}{quote}"
