"""The ``bpf`` filter: cls_bpf (tc-bpf(8); include/uapi/linux/pkt_cls.h, net/sched/cls_bpf.c)."""

from __future__ import annotations

from pytc.bpf.insn.classic import pack, unpack, whole
from pytc.cpython import lru_cache
from pytc.errors import InvalidOptionsError
from pytc.handles import Handle, parse_classid
from pytc.netlink.schema import Schema
from pytc.render.documents import Field
from pytc.tc.kinds.interface import FilterKind, FilterOptions, Restoration
from pytc.tc.kinds.shared.filter_parts import (
    ACTION,
    POLICE,
    SKIP_HARDWARE,
    SKIP_HW,
    SKIP_SOFTWARE,
    SKIP_SW,
    all_actions,
    class_field,
    flag_fields,
)
from pytc.tc.kinds.shared.ownership import owner_word, split_owner, with_owner
from pytc.tc.kinds.shared.programs import (
    WITH_EXPRESSION,
    ProgramWords,
    bytecode_field,
    parse_program,
    program_group,
    take_source,
)
from pytc.typing import NamedTuple
from pytc.words.engine import Word, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.bpf.insn.classic import ClassicInstruction
    from pytc.bpf.sys.descriptions import ProgramDescription
    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Document, Part
    from pytc.tc.actions.action import Action, ActionOptions
    from pytc.tc.kinds.interface import FilterView, OpenedProgram, ProgramLookup
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

# TCA_BPF_FLAGS.
_ACT_DIRECT = 1

_USAGE = """\
Usage: ... bpf [ run ] PROGRAM [ direct-action | da ] [ classid CLASSID | flowid CLASSID ] [ skip_hw | skip_sw ]
           [ action ACTION ] ... [ police POLICE ] [ owner NAME | unowned ]

PROGRAM := { object-file | obj } FILE [ section NAME ] [ program NAME ] [ type TYPE ] [ export PATH [ entries BYTES ] ]
           [ verbose ] [ set VARIABLE=VALUE ] ... [ map NAME { max_entries NUMBER | pinned PATH } ] ...
         | { object-pinned | pinned | fd } { PATH | m:NAME }
         | id NUMBER | name NAME
         | { bytecode | bc } 'N,c t f k,...'
         | { bytecode-file | bcf } FILE
         | expression EXPRESSION [ dlt DLT ] [ verdict VERDICT ]

FILE is a BPF object (clang -O2 -g -target bpf -c), its maps declared with struct bpf_elf_map, struct bpf_map_def or
BTF; - is standard input. Without a section, "classifier", that of the hook (tc/ingress, tc/egress) or "tc" is taken,
else the only program for tc. FILE alone, without "object-file", is taken for an object when it is one. m:NAME is NAME
below tc's directory in the bpffs. id and name mean a program that is loaded, as "pytc prog show" lists it.

set gives a global variable of the object its value before the program is loaded: VARIABLE is NAME, NAME.MEMBER or
NAME[INDEX]; VALUE a number, true, false, a name of the enum, an IP or MAC address, text, or elements with commas.
map sets a map's size, or takes a pinned map in its place.
export sends the object's map descriptors to the process listening on the Unix socket PATH ("pytc exec bpf import
help"). It describes each map in an entry of 36 bytes, like tc since 2017; where the object declares its maps with
20 bytes and an id, in an entry of 20, which agents of 2015 read. BYTES is 36 or 20, for receivers of the other form.

EXPRESSION is tcpdump's, compiled by libpcap for what packets of the device begin with, or for DLT (EN10MB, RAW ...).
With direct-action, a match returns VERDICT (ok, drop, stolen, trap {ok}), and no match goes on with the next filter.

direct-action: the program returns a verdict (TC_ACT_OK, TC_ACT_SHOT ...).
Otherwise it returns a class: 0 no match, -1 the class given as flowid, any other number that class.

owner marks the filter as NAME's, behind the program's name in lists; "pytc filter del ... owner NAME" removes it. With
unowned it stays nobody's, also where "pytc apply" marks others.

ACTIONS are done, in their order, with the packets that match: "pytc action help". Programs of one command that come
from the same FILE share its maps, and the parameters given with any of them.
"""


class BpfOptions(FilterOptions):
    """The words of a ``bpf`` filter.

    ``source`` is None where none is given (then only options change); ``owner`` is None where the words say nothing of
    one, and empty where they say that there is none.
    """

    source: BpfSource | None = None
    classid: Handle | None = None
    direct_action: bool = False
    skip_hw: bool = False
    skip_sw: bool = False
    actions: tuple[Action, ...] = ()
    police: ActionOptions | None = None
    owner: str | None = None


class BpfRecord(NamedTuple):
    """A bpf filter as the kernel has it. ``flags`` is None where the kernel sends no TCA_BPF_FLAGS_GEN. ``packed`` is
    its bytecode, an array of ``struct sock_filter``."""

    classid: Handle | None
    annotation: str
    direct_action: bool
    flags: int | None
    packed: bytes
    program_id: int
    tag: str
    program: ProgramDescription | None

    @property
    def instructions(self) -> tuple[ClassicInstruction, ...]:
        """The classic bytecode."""
        return unpack(self.packed)

    @property
    def owner(self) -> str:
        """The owner of the filter, empty for none."""
        return split_owner(self.annotation)[1]


_WORDS = ProgramWords(
    Word("run", "run"),
    Word("classid", "classid", parse_classid),
    Word("flowid", "classid", parse_classid, wrong="classid"),
    Word("direct-action", "direct_action", repeat=True),
    Word("da", "direct_action", repeat=True),
    SKIP_HARDWARE._replace(exact=False),
    SKIP_SOFTWARE._replace(exact=False),
    ACTION,
    POLICE,
    Word("owner", "owner", owner_word, exact=True),
    Word("unowned", "owner", value="", exact=True),
)

SCHEMA = Schema(
    ("TCA_BPF_UNSPEC", "none"),
    ("TCA_BPF_ACT", "cdata"),
    ("TCA_BPF_POLICE", "cdata"),
    ("TCA_BPF_CLASSID", "uint32"),
    ("TCA_BPF_OPS_LEN", "uint16"),
    ("TCA_BPF_OPS", "cdata"),
    ("TCA_BPF_FD", "uint32"),
    ("TCA_BPF_NAME", "asciiz"),
    ("TCA_BPF_FLAGS", "uint32"),
    ("TCA_BPF_FLAGS_GEN", "uint32"),
    ("TCA_BPF_TAG", "cdata"),
    ("TCA_BPF_ID", "uint32"),
)


def parse(cursor: Cursor) -> BpfOptions:
    """Parse the words after ``bpf``; raises InvalidOptionsError, UsageError, HelpRequested."""
    fields: dict[str, Any] = {}
    parse_program(cursor, _WORDS, fields, topic="filter bpf", modes=WITH_EXPRESSION)
    if fields.pop("run", False) and "mode" not in fields:
        cursor.take()
    fields["actions"] = all_actions(fields)
    source = take_source(fields)
    return BpfOptions(source, **fields)


def encode(options: BpfOptions, program: OpenedProgram | None) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them.

    Raises InvalidOptionsError for the owner of a filter whose program has no name.
    """
    attributes: list[tuple[str, Any]] = []
    if options.owner and program is None:
        raise InvalidOptionsError(
            'Illegal "owner": the kernel keeps it with the name of a program, and bytecode has none',
            hints=("a program of an object file, or a pinned one, has a name",),
        )
    if options.classid is not None:
        attributes.append(("TCA_BPF_CLASSID", options.classid.number))
    if options.source is not None and options.source.instructions and program is None:
        attributes.append(("TCA_BPF_OPS_LEN", len(options.source.instructions)))
        attributes.append(("TCA_BPF_OPS", pack(options.source.instructions)))
    if program is not None:
        attributes.append(("TCA_BPF_FD", program.fd))
        attributes.append(("TCA_BPF_NAME", with_owner(program.annotation, options.owner or "")))
    if options.skip_hw or options.skip_sw:
        attributes.append(("TCA_BPF_FLAGS_GEN", SKIP_HW * options.skip_hw | SKIP_SW * options.skip_sw))
    if options.direct_action:
        attributes.append(("TCA_BPF_FLAGS", _ACT_DIRECT))
    return attributes


def decode(attributes: Attributes, lookup: ProgramLookup) -> BpfRecord:
    """Return the record of a bpf filter in a dump."""
    classid = attributes.get("TCA_BPF_CLASSID")
    program_id = attributes.get("TCA_BPF_ID", 0)
    return BpfRecord(
        Handle.from_number(classid) if classid is not None else None,
        attributes.get("TCA_BPF_NAME", ""),
        bool(attributes.get("TCA_BPF_FLAGS", 0) & _ACT_DIRECT),
        attributes.get("TCA_BPF_FLAGS_GEN"),
        whole(attributes.get("TCA_BPF_OPS", b"")),
        program_id,
        attributes.get("TCA_BPF_TAG", b"").hex(),
        lookup(program_id) if program_id else None,
    )


@lru_cache(maxsize=64)  # the first filter of each preference has the same
def _handle_field(number: int) -> Field:
    return Field("handle", f"{number:#x}", f"handle {number:#x} ")


def document(record: BpfRecord, view: FilterView) -> Document:
    """Return the document that tc prints."""
    fields: list[Part] = []
    if view.handle:
        fields.append(_handle_field(view.handle))
    fields += class_field(record.classid, view.display)
    if record.annotation:
        fields.append(Field("bpf_name", record.annotation, f"{record.annotation} "))
        if record.owner:
            fields.append(Field("owner", record.owner))
    if record.direct_action:
        fields.append(Field("direct-action", True, "direct-action "))
    fields += flag_fields(record.flags)
    if record.packed:
        fields.append(bytecode_field(record.packed))
    if record.program_id:
        fields.append(program_group(record.program_id, record.program, view.display))
    if record.tag and record.program is None:
        fields.append(Field("tag", record.tag, f"tag {record.tag} "))
    if view.police:
        fields += [Field("", text="\n"), *view.police]
    fields += view.actions
    return fields


KIND = FilterKind(
    "bpf",
    SCHEMA,
    parse,
    encode,
    decode,
    document,
    unsigned(0xFFFFFFFF),
    actions="TCA_BPF_ACT",
    police="TCA_BPF_POLICE",
    brief=("TCA_BPF_FLAGS_GEN",),
    usage=lambda: _USAGE,
    restoration=Restoration(replaces=True, described=("TCA_BPF_TAG",), place="first"),
)
