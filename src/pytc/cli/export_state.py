"""``pytc export-state``: the state of a device as lines for ``apply``.

For each object, lines are proposed in words of what the kernel shows of it, and tried in an empty network namespace. A
line that makes what is there is written; where none does, a comment says so.
"""

from __future__ import annotations

from pytc.cli import streams
from pytc.cli.atomic import Line, LineError, parse_lines
from pytc.cli.desired_lines import DesiredLines
from pytc.cli.execute import Runner
from pytc.cli.output import say, show
from pytc.commands.shared.output_files import replace_file
from pytc.commands.shared.program_names import ProgramNames
from pytc.errors import UnnamedError
from pytc.handles import ROOT
from pytc.netlink import constants as c
from pytc.render.documents import Field
from pytc.transaction.difference import Pruning
from pytc.transaction.kernel_state import chain_identity, object_text
from pytc.transaction.restoring import place_of
from pytc.transaction.state_objects import content, identity, read_objects
from pytc.transaction.state_words import line_of, proposals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytc.cli.command_line import Options
    from pytc.commands.export_state import ExportState
    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Document
    from pytc.transaction.difference import Step
    from pytc.transaction.kernel_state import Identity
    from pytc.transaction.state_words import ProgramWords

#: The exit status where something could not be exported.
_INCOMPLETE = 2
_MAJOR, _MINOR = 0xFFFF0000, 0xFFFF
_DEEPEST = 64
_TABLES = 0xFFFFF


def run_export(options: Options, command: ExportState) -> int:
    """Write the state of a device; returns the exit status. Raises PytcError."""
    entries = _export(options, command)
    left_out = [entry for entry in entries if entry.reason]
    if command.path:
        text = "".join(f"{entry.text}\n" for entry in entries)
        with replace_file(command.path) as file:
            file.write(text.encode("utf-8", "surrogateescape"))
    else:
        show(map(_document, entries), options)
        streams.write("", flush=True)
    if left_out:
        count = f"{len(left_out)} objects are" if len(left_out) > 1 else "1 object is"
        say([f"Note: {count} left out, for the reason in the comment"], as_json=options.json, color=options.color)
    return _INCOMPLETE if left_out else 0


class _Entry:
    """An object, and the line that makes it, or the reason why there is none."""

    def __init__(self, message: TcMessage, programs: ProgramWords) -> None:
        self.message = message
        self.name = object_text(message)
        self.reason = ""
        self.line = ""
        self._proposals = self._lines(programs)
        self.advance("")

    def _lines(self, programs: ProgramWords) -> Iterator[str]:
        for words in proposals(self.message, programs):
            yield line_of(words)

    def advance(self, reason: str) -> None:
        """Go on to the next proposal, as the present one does not make the object for a reason."""
        try:
            following = next(self._proposals, "")
        except UnnamedError as error:
            following, reason = "", str(error)
        self.line = following
        self.reason = "" if following else reason

    @property
    def text(self) -> str:
        """The line, or the comment in its place."""
        return f"# {' '.join(f'{self.name}: {self.reason}'.split())}" if self.reason else self.line


def _export(options: Options, command: ExportState) -> list[_Entry]:
    with Runner(options) as runner:
        context = runner.context
        names = ProgramNames(context, command.objects)
        index = context.device_index(command.device)
        objects = read_objects(context.session, [index])
        blocks = {
            one.attributes[name]
            for one in objects.values()
            for name in ("TCA_INGRESS_BLOCK", "TCA_EGRESS_BLOCK")
            if name in one.attributes
        }
        if blocks:
            objects = read_objects(context.session, [index], sorted(blocks))
        entries = [_Entry(message, names.words) for message in _in_order(objects)]
    while not _settle(options, entries):
        pass
    return entries


def _settle(options: Options, entries: Sequence[_Entry]) -> bool:
    """Try the lines of all entries, and go on to other proposals for those that do not make their objects; returns
    whether there are none."""
    tried = {number: entry for number, entry in enumerate(entries, 1) if entry.line}
    refused: dict[int, LineError] = {}
    lines = [*_parsed(tried, refused)]
    with DesiredLines(options, lines, "", lambda failure: refused.setdefault(failure.number, failure)) as desired:
        steps = {step.desired.line: step for step in desired.steps(Pruning()) if step.desired is not None}
    left_out = {_node(entry.message) for entry in entries if not entry.line}
    failed: set[_Node | Identity] = set()
    is_settled = True
    for number, entry in tried.items():
        above, failure, step = _above(entry.message), refused.get(number), steps.get(number)
        if above & left_out:
            entry.line, entry.reason = "", "what it is below is left out"
        elif not above & failed:  # what is below one that failed may have failed for that alone
            if failure is None and step is not None and _makes(step, entry.message):
                continue
            entry.advance(str(failure.error) if failure is not None else _difference(step))
        (failed if entry.line else left_out).add(_node(entry.message))
        is_settled = False
    return is_settled


def _parsed(tried: Mapping[int, _Entry], refused: dict[int, LineError]) -> Iterator[Line]:
    for number, entry in tried.items():
        try:
            for line in parse_lines([entry.line]):
                yield Line(number, line.command)
        except LineError as failure:
            refused[number] = failure


def _makes(step: Step, message: TcMessage) -> bool:
    return step.state == "unchanged" and step.present is not None and identity(step.present) == identity(message)


def _difference(step: Step | None) -> str:
    """Return why a line that was carried out does not make the object."""
    if step is None or step.desired is None or step.present is None:
        return "its words make another object"
    made, present = content(step.desired.shown), content(step.present)
    names = [*_differing(made, present)]
    if not names:
        return "its program is not what the words load"
    return f"its words do not say all of it: {', '.join(names)}"


def _differing(made: Mapping[str, object], present: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys((*made, *present)):
        one, other = made.get(name), present.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differing(one, other)
        elif one != other:
            yield f"{name} is {other!s}, not {one!s}"


if TYPE_CHECKING:
    #: A qdisc, class or place of filters: the device, and a handle.
    _Node = tuple[int, int]


def _node(message: TcMessage) -> _Node | Identity:
    """Return what other objects are below: that of a qdisc or class; no others are below a filter or chain."""
    if message.type in (c.NEWQDISC, c.NEWTCLASS):
        return message.ifindex, message.handle
    return identity(message)


def _above(message: TcMessage) -> set[_Node | Identity]:
    """Return the qdisc and the class that an object may be below."""
    parent = message.parent
    if message.type == c.NEWTCLASS and parent == ROOT.number:
        parent = message.handle & _MAJOR
    if message.type == c.NEWQDISC and (parent == ROOT.number or not parent & _MINOR):
        return set()
    above: set[_Node | Identity] = {(message.ifindex, parent), (message.ifindex, parent & _MAJOR)}
    if message.type == c.NEWTFILTER:
        above.add(chain_identity(message))
    return above - {_node(message)}


def _in_order(objects: Mapping[Identity, TcMessage]) -> list[TcMessage]:
    """Return objects in the order in which they can be made: what others are below first."""
    holders = {_node(one): one for one in objects.values() if one.type in (c.NEWQDISC, c.NEWTCLASS)}

    def depth(message: TcMessage) -> int:
        count, above = 0, _above(message)
        while above and count < _DEEPEST:
            nearest = max(above & holders.keys(), key=lambda node: node[1], default=None)
            above, count = (_above(holders[nearest]) if nearest is not None else set()), count + 1
        return count

    made = sorted(holders.values(), key=lambda one: (depth(one), one.type != c.NEWQDISC, one.parent, one.handle))
    filters = [one for one in objects.values() if one.type == c.NEWTFILTER]
    in_use = {chain_identity(one) for one in filters}
    chains = [
        one
        for key, one in objects.items()
        if one.type == c.NEWCHAIN and ("TCA_KIND" in one.attributes or key not in in_use)
    ]
    groups: dict[object, list[TcMessage]] = {}
    for one in filters:
        groups.setdefault((chain_identity(one), one.info), []).append(one)
    ordered = [one for group in groups.values() for one in _as_added(group)]
    # A table of u32 has to be there before the filters that are in it, or lead to it.
    return [*made, *chains, *sorted(ordered, key=lambda one: not _is_table(one))]


def _as_added(filters: Sequence[TcMessage]) -> list[TcMessage]:
    """Return filters of one preference in the order in which they are added, so that they run as they do now."""
    return [*filters] if place_of(filters[0]) == "last" else [*reversed(filters)]


def _is_table(filter: TcMessage) -> bool:
    return filter.attributes.get("TCA_KIND") == "u32" and not filter.handle & _TABLES


def _document(entry: _Entry) -> Document:
    if entry.reason:
        return [Field("object", entry.name), Field("reason", entry.reason), Field("", text=f"{entry.text}\n")]
    return [Field("line", entry.line, f"{entry.line}\n")]
