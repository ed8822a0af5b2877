"""Filters of a batch, prepared some lines ahead: encoded where their requests follow from their words alone.

The kernel's work and Python's drive one another out of the processor's caches: done in groups, a line of a batch of
classic filters takes a fifth less. Lines that differ in their preference, their handle and the constants of their
bytecode alone, as those that a script makes, are not even taken apart into words: the places of these numbers are known
from two lines before, whatever words name them.
"""

from __future__ import annotations

import struct
import sys

from pytc.bpf.insn.classic import LIMITS, pack
from pytc.bpf.insn.classic_check import takes_any_constant
from pytc.bpf.insn.classic_text import parse_bytecode
from pytc.commands.filter.add import ModifyFilter
from pytc.commands.filter.changes import program_remarks
from pytc.commands.filter.delete import DeleteFilter
from pytc.commands.shared.clsact_place import check_egress
from pytc.errors import BytecodeError, NetlinkError, PytcError
from pytc.netlink import constants as c
from pytc.netlink.messages import encode
from pytc.tc.filters.hints import explain_refusal
from pytc.tc.filters.requests import filter_message
from pytc.tc.filters.words import value_positions
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.filters.bpf import BpfOptions
from pytc.typing import NamedTuple
from pytc.words.engine import unsigned
from pytc.words.line_pattern import LinePattern, word_spans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytc.bpf.insn.classic import ClassicInstruction
    from pytc.commands.shared.command import Command
    from pytc.commands.shared.context import Context
    from pytc.tc.filters.requests import FilterChange

_MOST_TEMPLATES = 8
_MOST_ATTEMPTS = 64
#: In front of what names a filter, a line has the words for the object and the verb.
_BEFORE = 2
_NLATTR = struct.Struct("=HH")
_OPS = 5  # TCA_BPF_OPS
_NUMBER, _HALF = struct.Struct("=I"), struct.Struct("=H")
#: Offsets in a message: of ``tcm_handle``, and of the high half of ``tcm_info``, which is the preference.
_HANDLE, _PREF = 24, 34 if sys.byteorder == "little" else 32
_PREFERENCE, _U32 = unsigned(0xFFFF), unsigned(0xFFFFFFFF)
_RETURN = 6  # BPF_RET | BPF_K
_CHANGES = ModifyFilter, DeleteFilter


class PreparedFilter(NamedTuple):
    """An encoded request, which lacks its sequence number and the index of the device, and remarks for the user.

    ``change`` is the command, or an earlier one that differs in its preference, its handle and the constants of its
    bytecode alone.
    """

    change: FilterChange
    request: bytearray
    remarks: Sequence[str] = ()


def send(context: Context, filters: Sequence[object]) -> tuple[int, PytcError | None]:
    """Send the request of the first filter, and without remarks on it also of those behind it that are like it.

    Each is sent when the kernel has done the one before. Returns the number of requests that were sent, and the error
    of the last: DeviceNotFoundError, QdiscConflictError, NetlinkError, AnswerLostError.
    """
    first = filters[0]
    assert isinstance(first, PreparedFilter)
    change, _, remarks = first
    requests = [first.request]
    if not remarks:
        for other in filters[1:]:
            if not isinstance(other, PreparedFilter) or other.change is not change:
                break
            requests.append(other.request)
    selector = change.selector
    try:
        check_egress(context, selector)
        ifindex = selector.ifindex(context.device_index)
    except PytcError as absent:
        return 1, absent
    context.notes += remarks
    count, error = context.session.send_encoded(requests, ifindex)
    return count, explain_refusal(error, selector, change) if isinstance(error, NetlinkError) else error


def prepare(command: Command) -> Command | PreparedFilter:
    """Return a filter with its request encoded, or the command itself where the request takes more than words."""
    if not isinstance(command, _CHANGES) or not command.follows_from_words:
        return command
    try:
        request = encode(filter_message(command, 0), 0, c.REQUEST | c.ACK)
    except PytcError:
        return command  # running it reports why
    return PreparedFilter(command, bytearray(request), program_remarks(command))


class RepeatedFilters:
    """Prepares lines by what is known of lines like them."""

    def __init__(self) -> None:
        self._templates: list[_Template] = []
        self._previous = _Line("", [])
        self._attempts = _MOST_ATTEMPTS

    def match(self, text: str) -> Command | PreparedFilter | None:
        """Return what a line like an earlier one asks for; None for others, and for values that have to be parsed."""
        for template in self._templates:
            filled = template.filled(text)
            if filled is not None:
                return filled
        return None

    def learn(self, text: str, words: list[str], command: Command) -> None:
        """Remember a line that was parsed, when it is like the one before."""
        line = _Line(text, words)
        previous, self._previous = self._previous, line
        if not self._attempts or not isinstance(command, _CHANGES) or len(words) != len(previous.words):
            return
        self._attempts -= 1
        template = _template(line, previous, command)
        if template is not None and template.filled(previous.text) is not None:
            self._templates = [template, *self._templates[: _MOST_TEMPLATES - 1]]


class _Line(NamedTuple):
    text: str
    words: Sequence[str]


class _Gap(NamedTuple):
    """A number in a text, from ``start`` to ``end``: how it is read, and where it is in the request. ``field`` is that
    of the selector, empty for another number."""

    start: int
    end: int
    read: Callable[[str], int]
    offset: int
    layout: struct.Struct
    field: str = ""


class _Template:
    """A line with gaps for numbers, and what the line asks for."""

    def __init__(self, text: str, gaps: Sequence[_Gap], command: PreparedFilter | ModifyFilter | DeleteFilter) -> None:
        self._pattern = LinePattern(text, [(gap.start, gap.end) for gap in gaps])
        self._gaps = gaps
        self._command = command

    def filled(self, text: str) -> Command | PreparedFilter | None:
        """Return what a line asks for; None for one that is not like this, or has numbers that have to be parsed."""
        values = self._pattern.values(text)
        if values is None or not all(map(str.isalnum, values)):
            return None
        command = self._command
        try:
            if not values:
                return command  # its request can be sent again
            if isinstance(command, PreparedFilter):
                return self._patched(command, values)
            return self._moved(command, values)
        except (ValueError, PytcError):
            return None

    def _patched(self, command: PreparedFilter, values: Sequence[str]) -> PreparedFilter:
        """Return a command whose request has the numbers of a line."""
        change, request, remarks = command
        request = request[:]
        for (_, _, read, offset, layout, _), value in zip(self._gaps, values, strict=True):
            layout.pack_into(request, offset, read(value))
        return PreparedFilter(change, request, remarks)

    def _moved(self, command: ModifyFilter | DeleteFilter, values: Sequence[str]) -> Command:
        """Return a command at the preference and handle of a line."""
        fields: dict[str, int | str] = {}
        for gap, value in zip(self._gaps, values, strict=True):
            number = gap.read(value)
            fields[gap.field] = number if gap.field == "pref" else value
        return command.replace(selector=command.selector.replace(**fields))


def _template(line: _Line, previous: _Line, command: ModifyFilter | DeleteFilter) -> _Template | None:
    """Return the template of a line with gaps for the numbers that differ in the previous one, as far as is known what
    they do to the request; None where it is not, or where other words differ."""
    spans = word_spans(*line)
    if spans is None:
        return None
    kind = kinds.find(command.kind) if command.kind else None
    prepared = prepare(command)
    fields = {_BEFORE + index: field for field, index in value_positions(line.words[_BEFORE:]).items()}
    gaps: list[_Gap] = []
    for index, ((start, end), word, other) in enumerate(zip(spans, line.words, previous.words, strict=True)):
        if word == other:
            continue
        field = fields.get(index)
        if field == "pref":
            gaps.append(_Gap(start, end, _PREFERENCE, _PREF, _HALF, field))
        elif field == "handle" and (kind is None or kind.settle is None):  # else the filter has another
            gaps.append(_Gap(start, end, kind.handle if kind is not None else int, _HANDLE, _NUMBER, field))
        elif isinstance(prepared, PreparedFilter):
            constants = _constants(command, prepared.request, line.words, index, other)
            if not constants:
                return None
            gaps += [gap._replace(start=start + gap.start, end=start + gap.end) for gap in constants]
        else:
            return None
    return _Template(line.text, gaps, prepared if isinstance(prepared, PreparedFilter) else command)


def _constants(
    command: ModifyFilter | DeleteFilter, request: bytearray, words: Sequence[str], place: int, other: str
) -> list[_Gap]:
    """Return gaps in the word at an index for the constants in which its bytecode differs from that in another word;
    none where it is no bytecode, or where its validity or the remarks on it depend on them."""
    options = command.options
    source = options.source if isinstance(options, BpfOptions) else None
    if not isinstance(options, BpfOptions) or source is None or not source.instructions:
        return []
    packed = pack(source.instructions)
    attribute = _NLATTR.pack(_NLATTR.size + len(packed), _OPS) + packed
    places = [index for index, word in enumerate(words) if _is(source.instructions, word)]
    if places != [place] or request.count(attribute) != 1:
        return []
    first = request.index(attribute) + _NLATTR.size
    has_remarks = options.classid is not None and not options.direct_action
    gaps, at = list[_Gap](), 0
    for index, (part, other_part) in enumerate(zip(words[place].split(","), other.split(","), strict=False)):
        if part != other_part:
            numbers = part.split()
            if not index or len(numbers) != len(LIMITS):
                return []
            code, constant = int(numbers[0]), numbers[-1]
            if not takes_any_constant(code) or (code == _RETURN and has_remarks):
                return []
            start = at + part.rindex(constant)
            gaps.append(_Gap(start, start + len(constant), _constant, first + 8 * (index - 1) + 4, _NUMBER))
        at += len(part) + 1
    return gaps


def _is(program: Sequence[ClassicInstruction], word: str) -> bool:
    try:
        return "," in word and parse_bytecode(word) == program
    except BytecodeError:
        return False


def _constant(word: str) -> int:
    """Return a decimal number without leading zeros; raises ValueError for any other word."""
    if word.startswith("0") and word != "0":
        raise ValueError(word)
    number: int = _U32(word)
    return number
