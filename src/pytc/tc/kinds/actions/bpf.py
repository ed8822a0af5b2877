"""The ``bpf`` action: act_bpf (tc-bpf(8); include/uapi/linux/tc_act/tc_bpf.h). TCA_ACT_BPF_PARMS is struct tc_gen."""

from __future__ import annotations

from pytc.bpf.insn.classic import pack, whole
from pytc.netlink.schema import Schema
from pytc.render.documents import Field
from pytc.tc.actions.action import ActionOptions
from pytc.tc.kinds.interface import ActionKind
from pytc.tc.kinds.shared.action_parts import (
    PIPE,
    Generic,
    control_group,
    optional_control,
    optional_index,
    reference_fields,
    time_fields,
)
from pytc.tc.kinds.shared.programs import (
    ProgramWords,
    bytecode_field,
    parse_program,
    program_group,
    take_source,
)
from pytc.words.engine import Word, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Document, Part
    from pytc.tc.kinds.interface import EncodeEnv, RenderEnv
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

_WORDS = ProgramWords(Word("run", "run"))

_USAGE = """\
Usage: ... action bpf [ run ] PROGRAM [ CONTROL ] [ index INDEX ]
       ... action bpf index INDEX

PROGRAM is what a bpf filter takes: "pytc filter add bpf help". Without a section, "action" is taken, or the only
program of the object. Its return value is a control by number (TC_ACT_OK ...); CONTROL is done where that
is -1 {pipe}.
"""
SCHEMA = Schema(
    ("TCA_ACT_BPF_UNSPEC", "none"),
    ("TCA_ACT_BPF_TM", "cdata"),
    ("TCA_ACT_BPF_PARMS", "cdata"),
    ("TCA_ACT_BPF_OPS_LEN", "uint16"),
    ("TCA_ACT_BPF_OPS", "cdata"),
    ("TCA_ACT_BPF_FD", "uint32"),
    ("TCA_ACT_BPF_NAME", "asciiz"),
    ("TCA_ACT_BPF_PAD", "cdata"),
    ("TCA_ACT_BPF_TAG", "cdata"),
    ("TCA_ACT_BPF_ID", "uint32"),
)


class BpfActionOptions(ActionOptions):
    """The words of a ``bpf`` action.

    ``number`` is the index, 0 for one that the kernel chooses; ``source`` is None where only the index names an
    existing action.
    """

    source: BpfSource | None = None
    control: int = PIPE
    number: int = 0


def parse(cursor: Cursor) -> BpfActionOptions:
    """Parse the words after ``bpf``; raises InvalidOptionsError, UsageError, HelpRequested."""
    fields: dict[str, Any] = {}
    if cursor.done or not matches(cursor.peek(), "index"):
        parse_program(cursor, _WORDS, fields, topic="action bpf", stop=True)
        fields.pop("run", None)
        if "mode" not in fields:
            cursor.take()  # raises UsageError: the line has ended
    control = optional_control(cursor, PIPE)
    return BpfActionOptions(take_source(fields), control, optional_index(cursor))


def encode(options: BpfActionOptions, env: EncodeEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them."""
    attributes: list[tuple[str, Any]] = [("TCA_ACT_BPF_PARMS", Generic(options.number, options.control).pack())]
    if options.source is not None and options.source.instructions:
        attributes.append(("TCA_ACT_BPF_OPS_LEN", len(options.source.instructions)))
        attributes.append(("TCA_ACT_BPF_OPS", pack(options.source.instructions)))
    if env.program is not None:
        attributes.append(("TCA_ACT_BPF_FD", env.program.fd))
        attributes.append(("TCA_ACT_BPF_NAME", env.program.annotation))
    return attributes


def document(attributes: Attributes, env: RenderEnv) -> Document:
    """Return the document that tc prints, with the blank that it puts before the next line."""
    generic = Generic.unpack(attributes.get("TCA_ACT_BPF_PARMS", b""))
    if generic is None:
        return (Field("", text="[NULL bpf parameters]"),)
    fields: list[Part] = [Field("kind", "bpf", "bpf ")]
    if name := attributes.get("TCA_ACT_BPF_NAME"):
        fields.append(Field("bpf_name", name, f"{name} "))
    if packed := whole(attributes.get("TCA_ACT_BPF_OPS", b"")):
        fields += [bytecode_field(packed), Field("", text=" ")]
    number = attributes.get("TCA_ACT_BPF_ID", 0)
    program = env.program(number) if number else None
    if number:
        fields.append(program_group(number, program, env.display))
    tag = attributes.get("TCA_ACT_BPF_TAG", b"").hex()
    if tag and program is None:
        fields.append(Field("tag", tag, f"tag {tag} "))
    fields += [control_group(generic.control, before="default-action ", after="\n"), *reference_fields(generic)]
    if env.display.statistics:
        fields += time_fields(attributes.get("TCA_ACT_BPF_TM", b""))
    return [*fields, Field("", text="\n ")]


KIND = ActionKind("bpf", SCHEMA, parse, encode, document, lambda: _USAGE)
