"""``pytc apply``: the objects that a file names become what it says, and only what differs is changed.

The file's commands are planned as in a dry run, and tried in an empty network namespace. What the kernel shows there is
compared with what it shows of the machine; the difference is carried out like an atomic batch. Nothing is remembered
from one run to the next, so that a run that was killed needs no repair: the next one finds what is left to do.
"""

from __future__ import annotations

from pytc.bpf.sys.info import program_by_id
from pytc.cli import streams
from pytc.cli.atomic import LineError, all_or_nothing, parse_lines, read_batch, report_failure
from pytc.cli.desired_lines import DesiredLines
from pytc.cli.output import say, show
from pytc.commands.action.add import ModifyActions
from pytc.contexts import ExitStack
from pytc.errors import AtomicError, NetlinkError, PytcError, UsageError
from pytc.netlink import constants as c
from pytc.render.documents import Field
from pytc.tc.classes.requests import ClassChange
from pytc.tc.filters.requests import FilterChange
from pytc.tc.filters.u32_tables import is_made
from pytc.tc.kinds.filters.bpf import BpfOptions
from pytc.tc.kinds.shared.programs import BARE, OBJECT
from pytc.tc.qdiscs.requests import QdiscChange
from pytc.transaction.difference import Pruning, early_removals, late_removals
from pytc.transaction.kernel_state import Identity, KernelState, object_text
from pytc.transaction.state_objects import content, identity, program_ids
from pytc.transaction.undoable import deleted_identities, find_affected
from pytc.typing import NamedTuple, cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytc.cli.atomic import Batch, Line
    from pytc.cli.command_line import Options
    from pytc.cli.desired_lines import Other
    from pytc.commands.apply import ApplyFile
    from pytc.commands.shared.command import Command
    from pytc.commands.shared.desired import Difference, Wanted
    from pytc.netlink.messages import TcMessage
    from pytc.netlink.session import Session
    from pytc.render.documents import Document, Part
    from pytc.transaction.difference import Desired, State, Step

#: The exit status of a dry run that finds a difference.
_DIFFERS = 2
#: A first round changes objects; what differs still is made anew in a second one, which a third confirms.
_ROUNDS = 3
_SIGNS = {"created": "+", "changed": "~", "removed": "-"}
#: Kinds of filters whose handles the kernel chooses from 1 on.
_NUMBERED = ("bpf", "flower")


def run_apply(options: Options, command: ApplyFile) -> int:
    """Make the state of the file, or show the difference with --dry-run; returns the exit status. Raises PytcError."""
    if options.create_clsact or options.replace_own:
        raise UsageError('"apply" takes neither --create-clsact nor --replace-own: name the clsact qdisc in the file')
    options = options._replace(batch=command.path)
    try:
        lines = [*parse_lines(read_batch(command.path))]
        with _Applying(options, command, lines) as applying:
            return applying.show_difference() if options.dry_run else applying.run()
    except LineError as failure:
        return report_failure(options, failure)


class _Compared(NamedTuple):
    """What a line asks for besides traffic control, compared with what exists."""

    line: int
    wanted: Wanted
    state: Difference


class _Applying(DesiredLines):
    """The desired state of a file beside what exists."""

    def __init__(self, options: Options, command: ApplyFile, lines: Sequence[Line]) -> None:
        self._command = command
        #: Objects that have been changed in place, in this run.
        self._tried: set[Identity] = set()
        super().__init__(options, lines, command.owner)

    def _steps(self) -> list[Step]:
        owner = self._command.owner if self._command.prunes else ""
        return self.steps(Pruning(owner, self._command.prunes_all), self._tried)

    def show_difference(self) -> int:
        """Show what would be done; returns the exit status."""
        steps, others = self._steps(), self._compare_others()
        self._say_losses(steps, others)
        show(_documents(steps, others), self.options)
        return _DIFFERS if _differing(steps) or _differing_others(others) else 0

    def run(self) -> int:
        """Carry out the difference, all of it or, as far as it can be undone, nothing; returns the exit status."""
        steps, others = self._steps(), self._compare_others()
        if not _differing(steps) and not _differing_others(others):
            show(_documents(steps, others), self.options)
            return 0
        self._say_losses(steps, others)
        with all_or_nothing(self.options, self.objects, accepts_losses=True) as batch:
            if _differing(steps):
                self._carry_out_rounds(batch, steps)
            self._carry_out_others(batch, others)
            if not batch.signals:
                show(_documents(steps, others), self.options)
                streams.write("", flush=True)  # the last that can fail
        return batch.status

    def _compare_others(self) -> list[_Compared]:
        compared = []
        for line, wanted in self.others:
            try:
                compared.append(_Compared(line, wanted, wanted.difference()))
            except PytcError as error:
                raise LineError(line, error) from error
        _check_parts(self.others)
        return compared

    def _carry_out_others(self, batch: Batch, others: Sequence[_Compared]) -> None:
        """Attach programs and set elements, whose maps the filters may have made."""
        for line, wanted, _ in _differing_others(others):
            if batch.signals:
                return
            batch.number = line
            batch.runner.set_location(f"{self._command.path}:{line}")
            wanted.carry_out(batch.runner.context)
            batch.runner.finish()

    def _carry_out_rounds(self, batch: Batch, steps: Sequence[Step]) -> None:
        """Carry out the steps, and make anew what has not become what it should by being changed."""
        left = [*steps]
        for _ in range(_ROUNDS):
            self._carry_out(batch, left)
            if batch.signals:
                return
            self._tried.update(identity(step.present) for step in left if step.present is not None)
            left = self._steps()
            if not _differing(left):
                return
        for step in _differing(left):
            batch.runner.context.notes.append(
                f"Note: the kernel shows {object_text(step.message)} otherwise than in an empty namespace: the next "
                "run makes it anew"
            )
        batch.runner.finish()

    def _carry_out(self, batch: Batch, steps: Sequence[Step]) -> None:
        runner, arrived = batch.runner, batch.signals
        session = runner.context.session
        with ExitStack() as held:
            for step in steps:  # their maps are to outlive their filters
                if step.state == "changed" and step.present is not None:
                    for number in program_ids(step.present):
                        held.enter_context(program_by_id(number))
            removed = early_removals(steps)
            for message in removed:
                session.request(message)
            _remove_empty_preferences(session, removed)
            done: set[int] = set()
            for step in steps:
                desired = step.desired
                if desired is None or step.state not in ("created", "changed") or desired.line in done or arrived:
                    continue
                if desired.request.type == c.NEWACTION:
                    done.add(desired.line)  # a command may make several
                batch.number = desired.line
                runner.set_location(f"{self._command.path}:{desired.line}")
                try:
                    runner.run(self._command_of(step, desired))
                except NetlinkError:
                    if not self._can_be_made_anew(step):
                        raise
                    return
            for message in () if arrived else late_removals(steps):
                session.request(message)

    def _can_be_made_anew(self, step: Step) -> bool:
        """Report whether a change was refused of an object that the next round may make anew: some kinds of qdiscs
        cannot be changed."""
        if step.is_anew or step.present is None or step.present.type not in (c.NEWQDISC, c.NEWTCLASS):
            return False
        self._tried.add(identity(step.present))
        return True

    def _command_of(self, step: Step, desired: Desired) -> Command:
        """Return the command of the file as one that creates the object in its place, or changes what is there."""
        command, is_new = desired.command, step.state == "created" or step.is_anew
        if isinstance(command, ModifyActions):
            return command.replace(verb="replace")
        if isinstance(command, (QdiscChange, ClassChange)):
            return cast("Command", command.replace(verb="add" if is_new else "replace"))
        if not isinstance(command, FilterChange) or desired.request.type == c.NEWCHAIN:
            return command
        message = desired.shown if is_new or step.present is None else step.present
        selector = command.selector
        if not step.is_anywhere:
            selector = selector.replace(pref=message.info >> 16)
            if command.kind in _NUMBERED:
                selector = selector.replace(handle=f"{message.handle:#x}")
        changed = command.replace(verb="add" if is_new else "replace", selector=selector)
        return cast("Command", self._with_maps(changed, step, desired))

    def _with_maps(self, command: FilterChange, step: Step, desired: Desired) -> FilterChange:
        """Let a new program go on with the maps of the one that it replaces."""
        options = command.options
        if step.present is None or not isinstance(options, BpfOptions) or options.source is None:
            return command
        loaded = program_ids(step.present)
        if not loaded or not desired.programs or options.source.mode not in (OBJECT, BARE):
            return command
        shared = tuple(self.contents.shared_maps(desired.programs[0], loaded[0]))
        source = options.source._replace(maps=(*options.source.maps, *shared))
        return command.replace(options=options.replace(source=source))

    def _say_losses(self, steps: Sequence[Step], others: Sequence[_Compared]) -> None:
        """Say beforehand what could not be taken back if a later step failed."""
        state, deleted = KernelState(self.session), set[Identity]()
        requests = [*early_removals(steps), *_changes_in_place(steps), *late_removals(steps)]
        for message in requests:
            try:
                deleted.update(deleted_identities(find_affected(message, state, deleted)))
            except AtomicError as error:
                say([f"Note: {error}"], as_json=self.options.json)
        for other in others:
            if other.wanted.lost:
                say([f"Note: This could not be taken back: {other.wanted.lost}"], as_json=self.options.json)


def _remove_empty_preferences(session: Session, removed: Sequence[TcMessage]) -> None:
    """Remove the preferences that are left without filters, and to which the kernel would admit no other kind.

    It keeps that of u32 while others of the qdisc share its tables (u32_delete of net/sched/cls_u32.c).
    """
    state = KernelState(session)
    preferences = {
        identity(message)._replace(number=0): message
        for message in removed
        if message.type == c.DELTFILTER and message.attributes.get("TCA_KIND") == "u32"
    }
    for message in preferences.values():
        if state.has_preference(message) and not any(map(is_made, state.filters(message))):
            session.request(message._replace(handle=0))


def _differing(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.state != "unchanged"]


def _changes_in_place(steps: Sequence[Step]) -> Iterator[TcMessage]:
    for step in steps:
        if step.state == "changed" and not step.is_anew and step.desired is not None and step.present is not None:
            present, flags = step.present, c.CREATE
            if present.type == c.NEWQDISC:
                flags |= c.REPLACE
            if present.type == c.NEWACTION:
                yield step.desired.request._replace(flags=flags)
            else:
                yield step.desired.request._replace(flags=flags, handle=present.handle, info=present.info)


def _check_parts(others: Sequence[Other]) -> None:
    """Raise LineError for a line that sets an element to another value than a line before it: each run would change it
    again."""
    by_target: dict[object, list[Other]] = {}
    for other in others:
        if other.wanted.target is not None:
            by_target.setdefault(other.wanted.target, []).append(other)
    for several in by_target.values():
        if len(several) > 1:  # large files are not read again for nothing
            _check_parts_of_target(several)


def _check_parts_of_target(others: Sequence[Other]) -> None:
    values: dict[object, tuple[int, object]] = {}
    for line, wanted in others:
        try:
            for part, value in wanted.parts():
                first, before = values.setdefault(part, (line, value))
                if value != before:
                    raise UsageError(f'"{wanted.label}": line {first} sets the same element to another value')
        except PytcError as error:
            raise LineError(line, error) from error


def _differing_others(others: Sequence[_Compared]) -> list[_Compared]:
    return [other for other in others if other.state != "unchanged"]


def _documents(steps: Sequence[Step], others: Sequence[_Compared]) -> Iterator[Document]:
    """Describe all objects in JSON, and in text those that differ."""
    for step in steps:
        yield _document(step)
    for other in others:
        yield [*_head(other.state, other.wanted.label), Field("line", other.line)]
    if not _differing(steps) and not _differing_others(others):
        is_empty = not steps and not others
        yield [Field("", text="unchanged\n")] if is_empty else [Field("summary", "unchanged", "unchanged\n")]


def _head(state: State, text: str) -> list[Part]:
    sort, _, place = text.partition(" ")
    sign = _SIGNS.get(state, "")
    return [
        Field("state", state, f"{sign} " if sign else ""),
        Field("object", sort, sort if sign else ""),
        Field("place", place, f" {place}\n" if sign else ""),
    ]


def _document(step: Step) -> Document:
    fields = _head(step.state, object_text(step.message))
    if step.desired is not None:
        fields.append(Field("line", step.desired.line))
    if step.state == "changed" and step.desired is not None and step.present is not None:
        fields += [Field("before", content(step.present)), Field("after", content(step.desired.shown))]
    return fields
