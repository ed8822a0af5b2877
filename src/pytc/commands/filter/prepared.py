"""Filters of a batch, prepared some lines ahead: encoded where their requests follow from their words alone.

The kernel's work and Python's drive one another out of the processor's caches: done in groups, a line of a batch of
classic filters takes a fifth less. Lines that differ in preference, handle and bytecode alone, as those that a script
makes, are not even parsed: the positions of their values are known from a line before, whatever words name them.
"""

from __future__ import annotations

import struct

from pytc.bpf.insn.classic import pack
from pytc.bpf.insn.classic_text import parse_bytecode
from pytc.commands.filter.add import ModifyFilter
from pytc.commands.filter.changes import program_remarks
from pytc.commands.filter.delete import DeleteFilter
from pytc.commands.shared.clsact_place import check_egress
from pytc.commands.shared.command import Requests
from pytc.cpython import lru_cache
from pytc.errors import BytecodeError, NetlinkError, PytcError
from pytc.netlink import constants as c
from pytc.netlink.messages import encode
from pytc.tc.filters.hints import explain_refusal
from pytc.tc.filters.requests import filter_message
from pytc.tc.filters.words import value_positions
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.filters.bpf import BpfOptions
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytc.bpf.insn.classic import ClassicInstruction
    from pytc.commands.shared.command import Command
    from pytc.commands.shared.context import Context
    from pytc.handles import Handle
    from pytc.tc.filters.requests import FilterChange

_MOST_TEMPLATES = 8
_MOST_ATTEMPTS = 64
#: In front of what names a filter, a line has the words for the object and the verb.
_BEFORE = 2
_NLATTR = struct.Struct("=HH")
_OPS = 5  # TCA_BPF_OPS
_NUMBER = struct.Struct("=I")
#: Offsets of ``tcm_handle`` and ``tcm_info`` in a message; the preference is the high half of the latter.
_HANDLE, _INFO = 24, 32
_PREFERENCE = unsigned(0xFFFF)
_CHANGES = ModifyFilter, DeleteFilter


class PreparedFilter(Requests):
    """An encoded request, which lacks the index of the device, and remarks for the user.

    ``change`` is the command, or an earlier one that differs in preference, handle and bytecode alone.
    """

    change: FilterChange
    request: bytes
    remarks: Sequence[str] = ()


def run(context: Context, command: PreparedFilter) -> None:
    """Send the request; raises DeviceNotFoundError, QdiscConflictError, NetlinkError."""
    selector = command.change.selector
    check_egress(context, selector)
    ifindex = selector.ifindex(context.device_index)
    context.notes += command.remarks
    try:
        context.session.send_encoded(command.request, ifindex)
    except NetlinkError as error:
        raise explain_refusal(error, selector, command.change) from error


def prepare(command: Command) -> Command:
    """Return a command with its request encoded, or the command itself where the request takes more than words."""
    if not isinstance(command, _CHANGES) or not command.follows_from_words:
        return command
    try:
        request = encode(filter_message(command, 0), 0, c.REQUEST | c.ACK)
    except PytcError:
        return command  # running it reports why
    return PreparedFilter(command, request, program_remarks(command))


class RepeatedFilters:
    """Prepares lines by what is known of lines like them."""

    def __init__(self) -> None:
        self._templates: list[_Template] = []
        self._previous: list[str] = []
        self._attempts = _MOST_ATTEMPTS

    def match(self, words: list[str]) -> Command | None:
        """Return the command of a line like an earlier one; None for others, and for values that have to be parsed."""
        for template in self._templates:
            command = template.filled(words)
            if command is not None:
                return command
        return None

    def learn(self, words: list[str], command: Command) -> None:
        """Remember a line that was parsed, when it is like the one before."""
        previous, self._previous = self._previous, words
        if len(previous) != len(words) or not self._attempts or not isinstance(command, _CHANGES):
            return
        self._attempts -= 1
        template = _template(words, command)
        if template.filled(previous) is not None:
            self._templates = [template, *self._templates[: _MOST_TEMPLATES - 1]]


class _Template:
    """A line with gaps at the positions of its preference, handle and bytecode, each 0 for none, and its command."""

    def __init__(
        self,
        words: list[str],
        command: PreparedFilter | ModifyFilter | DeleteFilter,
        positions: tuple[int, int, int],
        handle: Callable[[str], int],
        code: tuple[int, int, Handle | None],
    ) -> None:
        self._command = command
        self._positions = positions
        self._read_handle = handle
        self._code_at, self._code_size, self._classid = code
        self._rest = self._without_values(words)

    def _without_values(self, words: list[str]) -> list[str]:
        rest = words[:]
        for position in self._positions:
            if position:
                rest[position] = ""
        return rest

    def filled(self, words: list[str]) -> Command | None:
        """Return the command of a line; None for one that is not like this, or has values that have to be parsed."""
        if len(words) != len(self._rest) or self._without_values(words) != self._rest:
            return None
        command = self._command
        try:
            return self._patched(command, words) if isinstance(command, PreparedFilter) else self._moved(command, words)
        except (ValueError, PytcError):
            return None

    def _patched(self, command: PreparedFilter, words: list[str]) -> PreparedFilter | None:
        """Return a command whose request has the values of a line."""
        preference, handle, bytecode = self._positions
        data, remarks = bytearray(command.request), command.remarks
        if preference:
            info = _NUMBER.unpack_from(data, _INFO)[0]
            _NUMBER.pack_into(data, _INFO, _PREFERENCE(words[preference]) << 16 | info & 0xFFFF)
        if handle:
            _NUMBER.pack_into(data, _HANDLE, self._read_handle(words[handle]))
        if bytecode:
            code, remarks = _instructions(words[bytecode], self._classid)
            if len(code) != self._code_size:
                return None
            data[self._code_at : self._code_at + len(code)] = code
        return command.replace(request=bytes(data), remarks=remarks)

    def _moved(self, command: ModifyFilter | DeleteFilter, words: list[str]) -> Command:
        """Return a command at the preference and handle of a line."""
        preference, handle, _ = self._positions
        values: dict[str, int | str] = {}
        if preference:
            values["pref"] = _PREFERENCE(words[preference])
        if handle:
            self._read_handle(words[handle])  # it is valid
            values["handle"] = words[handle]
        return command.replace(selector=command.selector.replace(**values))


def _template(words: list[str], command: ModifyFilter | DeleteFilter) -> _Template:
    """Return the template of a line."""
    kind = kinds.find(command.kind) if command.kind else None
    prepared: Command = prepare(command)
    value_indexes = {name: _BEFORE + position for name, position in value_positions(words[_BEFORE:]).items()}
    # Where a kind's options and handle depend on each other, the line's handle is not the filter's.
    handle = value_indexes.get("handle", 0) if kind is not None and kind.settle is None else 0
    bytecode, options = 0, command.options
    code: tuple[int, int, Handle | None] = (0, 0, None)
    source = options.source if isinstance(options, BpfOptions) else None
    if not isinstance(prepared, PreparedFilter):
        prepared = command
    elif isinstance(options, BpfOptions) and source is not None and source.instructions:
        program = source.instructions
        packed = pack(program)
        attribute = _NLATTR.pack(_NLATTR.size + len(packed), _OPS) + packed
        places = [index for index, word in enumerate(words) if _is(program, word)]
        if len(places) == 1 and prepared.request.count(attribute) == 1:
            classid = options.classid if not options.direct_action else None
            bytecode = places[0]
            code = prepared.request.index(attribute) + _NLATTR.size, len(packed), classid
    positions = value_indexes.get("pref", 0), handle, bytecode
    return _Template(words, prepared, positions, kind.handle if kind is not None else int, code)


def _is(program: Sequence[ClassicInstruction], word: str) -> bool:
    try:
        return "," in word and parse_bytecode(word) == program
    except BytecodeError:
        return False


@lru_cache(maxsize=16)  # lines often repeat it
def _instructions(text: str, classid: Handle | None) -> tuple[bytes, list[str]]:
    """Return bytecode as the kernel gets it, and remarks on it; raises BytecodeError."""
    from pytc.commands.shared.expressions import return_remarks

    program = parse_bytecode(text)
    return pack(program), return_remarks(program, classid, direct_action=False)
