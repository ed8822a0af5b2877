"""tcpdump expressions in filters: compiled for what a device's packets begin with, and translated for direct-action."""

from __future__ import annotations

from pytc.contexts import contextmanager
from pytc.errors import DeviceNotFoundError, InvalidOptionsError
from pytc.handles import Handle
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.programs import BYTECODE, EXPRESSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytc.bpf.insn.classic import ClassicInstruction
    from pytc.bpf.object.spec import ObjectSpec
    from pytc.bpf.sys.constants import ProgramType
    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.filters.bpf import BpfOptions
    from pytc.tc.kinds.shared.programs import BpfSource, Mode

ETHERNET = "EN10MB"
_MAX_ANNOTATION = 255
_NO_MATCH, _THE_FLOWID = 0, 0xFFFFFFFF
_RETURN_K = 6


def device_link_type(context: Context, device: str) -> str:
    """Return libpcap's name for what filters see of a device's packets.

    Raises DeviceNotFoundError, InvalidOptionsError.
    """
    from pytc.netlink.devices import hardware_type
    from pytc.packets.link_types import link_type_of_device

    context.device_index(device)
    try:
        number = hardware_type(device)
    except DeviceNotFoundError:
        if context.connection.plan is None:
            raise
        return ETHERNET
    link_type = link_type_of_device(number)
    if link_type is None:
        raise InvalidOptionsError(
            f"{device} is a device of type {number} (ARPHRD_*); pytc does not know what its "
            'packets begin with; give "dlt NAME", with one of libpcap\'s names'
        )
    return link_type.name


def compile_for_device(
    context: Context, expression: str, device: str, link_type: str
) -> tuple[ClassicInstruction, ...]:
    """Compile an expression for packets of a device, or of ``link_type``, with a remark where the two differ.

    Raises ExpressionError, InvalidOptionsError.
    """
    from pytc.cbpf.compiler import compile_expression

    if not device:
        if not link_type:
            raise InvalidOptionsError(
                'without a device, an expression needs to know what packets begin with: "dlt '
                'EN10MB" for an Ethernet header, "dlt RAW" for an IP header'
            )
        return compile_expression(expression, link_type)
    if not link_type:
        looked_at = "" if context.connection.plan is not None else device  # to open a device takes privileges
        return compile_expression(expression, device_link_type(context, device), device=looked_at)
    context.notes += _link_type_remarks(context, device, link_type)
    return compile_expression(expression, link_type)


def _link_type_remarks(context: Context, device: str, link_type: str) -> list[str]:
    try:
        actual = device_link_type(context, device)
    except InvalidOptionsError:
        return []
    if actual == link_type:
        return []
    begins = {"EN10MB": "an Ethernet header", "RAW": "an IP header"}
    first, compiled = begins.get(actual, "something else"), begins.get(link_type, "something else")
    return [
        f"Warning: packets of {device} begin with {first} ({actual}); a program for {link_type} looks for {compiled} "
        "there, and will hardly match what you mean"
    ]


def return_remarks(program: Sequence[ClassicInstruction], classid: Handle | None, *, direct_action: bool) -> list[str]:
    """Return remarks on what is odd about bytecode that is attached."""
    if classid is None or direct_action:
        return []
    verdicts = sorted([k for code, _, _, k in program if code == _RETURN_K and k not in (_NO_MATCH, _THE_FLOWID)])
    return [
        f"Warning: the bytecode returns {number}, which is class {Handle.from_number(number)} and not the flowid; "
        f'for {classid} it must return 4294967295, as what "pytc cbpf compile" prints does'
        for number in verdicts[:1]
    ]


def compile_filter_expression(context: Context, options: BpfOptions, device: str) -> BpfOptions:
    """Return the options of a filter with its expression compiled, as bytecode where it needs no translation.

    Notes remarks on bytecode of any origin. Raises ExpressionError, InvalidOptionsError.
    """
    source = options.source
    assert source is not None
    if source.mode == EXPRESSION:
        if source.verdict is not None and not options.direct_action:
            raise InvalidOptionsError('"verdict" needs direct-action; without it, a match has the class "flowid"')
        instructions = compile_for_device(context, source.path, device, source.link_type)
        mode: Mode = EXPRESSION if options.direct_action else BYTECODE
        return options.replace(source=source._replace(instructions=instructions, mode=mode))
    context.notes += return_remarks(source.instructions, options.classid, direct_action=options.direct_action)
    return options


def expression_object(source: BpfSource) -> ObjectSpec:
    """Return a compiled expression as an object with an eBPF program; raises BytecodeError."""
    from pytc.bpf.object.reader import read_bytes
    from pytc.cbpf.object_file import FUNCTION, object_file
    from pytc.cbpf.translate import translate

    return read_bytes(object_file(translate(source.instructions, verdict=source.verdict or 0)), FUNCTION)


def expression_annotation(source: BpfSource) -> str:
    """Return the name of a translated program in dumps: where it came from."""
    from pytc.cbpf.object_file import FUNCTION

    return f"{source.path}:[{FUNCTION}]"[:_MAX_ANNOTATION]


@contextmanager
def load_expression(source: BpfSource, type: ProgramType) -> Iterator[OpenedProgram]:
    """Load a compiled expression as an eBPF program for as long as the block runs.

    For a match it returns its verdict (TC_ACT_OK where none is given), else it goes on with the next filter. Raises
    BytecodeError, VerifierError.
    """
    from pytc.bpf.loader.load import load
    from pytc.bpf.loader.program import select_program

    spec = expression_object(source)
    with load(spec, select_program(spec), type=type) as loaded:
        yield OpenedProgram(loaded.program.fd, expression_annotation(source))
