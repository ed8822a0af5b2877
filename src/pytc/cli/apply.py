"""``pytc apply``: the objects that a file names become what it says, and only what differs is changed.

The file's commands are planned as in a dry run, and tried in an empty network namespace. What the kernel shows there is
compared with what it shows of the machine; the difference is carried out like an atomic batch. Nothing is remembered
from one run to the next, so that a run that was killed needs no repair: the next one finds what is left to do.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, cast

from pytc.bpf.loader.object_cache import ObjectCache
from pytc.bpf.sys.info import program_by_id
from pytc.cli import streams
from pytc.cli.atomic import Batch, Line, LineError, all_or_nothing, parse_lines, read_batch, report_failure
from pytc.cli.command_line import Options
from pytc.cli.execute import Runner
from pytc.cli.output import say, show
from pytc.closing import Closing
from pytc.commands.action.add import ModifyActions
from pytc.commands.apply import ApplyFile
from pytc.commands.shared.command import Command, Help
from pytc.errors import AtomicError, NetlinkError, PytcError, UsageError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.render.documents import Document, Field, Part
from pytc.tc.classes.requests import ClassChange
from pytc.tc.filters.hints import explain_refusal
from pytc.tc.filters.requests import FilterChange
from pytc.tc.kinds.filters.bpf import BpfOptions
from pytc.tc.kinds.shared.programs import BARE, BYTECODE, BYTECODE_FILE, EXPRESSION, OBJECT
from pytc.tc.qdiscs.requests import QdiscChange
from pytc.transaction.desired_state import DesiredState, Made, PlaceholderPlan, desired_objects
from pytc.transaction.difference import Comparison, Desired, Pruning, Step, early_removals, late_removals
from pytc.transaction.kernel_state import Identity, KernelState, object_text
from pytc.transaction.program_content import ProgramContents
from pytc.transaction.state_objects import content, identity, program_ids
from pytc.transaction.undoable import deleted_identities, find_affected

if TYPE_CHECKING:
    from pytc.tc.kinds.interface import OpenedProgram

#: The exit status of a dry run that finds a difference.
_DIFFERS = 2
_OBJECTS = ("filter", "chain", "qdisc", "class_", "action")
_VERBS = ("add", "replace")
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


class _Request(NamedTuple):
    """A request that a line of the file would send."""

    line: int
    command: Command
    message: TcMessage


class _Applying(Closing):
    """The desired state of a file beside what exists."""

    def __init__(self, options: Options, command: ApplyFile, lines: Sequence[Line]) -> None:
        self._options = options
        self._command = command
        self._owned = ExitStack()
        #: Objects that have been changed in place, in this run.
        self._tried: set[Identity] = set()
        try:
            self._plan = self._owned.enter_context(PlaceholderPlan())
            self._objects = self._owned.enter_context(ObjectCache())  # what is compared is what is loaded
            planner = self._owned.enter_context(Runner(options, plan=self._plan, objects=self._objects))
            context = planner.context
            context.warns = False  # what is carried out warns
            self._contents = ProgramContents(self._objects, context.bpf_mount)
            self._session = context.session
            requests = [*self._requests(planner, lines)]
            self._plan.reset()
            self._state = self._owned.enter_context(
                DesiredState(
                    self._session, [one.message for one in requests], [*context.connection.device_indexes.values()]
                )
            )
            self._desired = desired_objects(self._state, self._try(requests), self._plan.programs)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._owned.close()

    def _requests(self, planner: Runner, lines: Sequence[Line]) -> Iterator[_Request]:
        for number, command in lines:
            if isinstance(command, Help):
                continue
            try:
                owned = _with_owner(_checked(command), self._command.owner)
                planner.plan(owned)
            except PytcError as error:
                raise LineError(number, error) from error
            for message in self._plan.messages:
                yield _Request(number, owned, message)

    def _try(self, requests: Sequence[_Request]) -> Iterator[Made]:
        for line, command, message in requests:
            try:
                yield from self._state.attempt(line, command, message)
            except PytcError as error:
                raise LineError(line, _explained(error, command)) from error

    def _steps(self) -> list[Step]:
        comparison = Comparison(
            self._desired, self._state.present(), self._is_loaded, owner=self._command.owner, tried=self._tried
        )
        owner = self._command.owner if self._command.prunes else ""
        return comparison.steps(Pruning(owner, self._command.prunes_all))

    def _is_loaded(self, program: "OpenedProgram", number: int) -> bool:
        return self._plan.is_pinned_as(program, number) or self._contents.is_loaded(program, number)

    def show_difference(self) -> int:
        """Show what would be done; returns the exit status."""
        steps = self._steps()
        self._say_losses(steps)
        show(_documents(steps), self._options)
        return _DIFFERS if _differing(steps) else 0

    def run(self) -> int:
        """Carry out the difference, all of it or, as far as it can be undone, nothing; returns the exit status."""
        steps = self._steps()
        if not _differing(steps):
            show(_documents(steps), self._options)
            return 0
        self._say_losses(steps)
        with all_or_nothing(self._options, self._objects, accepts_losses=True) as batch:
            self._carry_out_rounds(batch, steps)
            if not batch.signals:
                show(_documents(steps), self._options)
                streams.write("", flush=True)  # the last that can fail
        return batch.status

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
            for message in early_removals(steps):
                session.request(message)
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
        shared = tuple(self._contents.shared_maps(desired.programs[0], loaded[0]))
        source = options.source._replace(maps=(*options.source.maps, *shared))
        return command.replace(options=options.replace(source=source))

    def _say_losses(self, steps: Sequence[Step]) -> None:
        """Say beforehand what could not be taken back if a later step failed."""
        state, deleted = KernelState(self._session), set[Identity]()
        requests = [*early_removals(steps), *_changes_in_place(steps), *late_removals(steps)]
        for message in requests:
            try:
                deleted.update(deleted_identities(find_affected(message, state, deleted)))
            except AtomicError as error:
                say([f"Note: {error}"], as_json=self._options.json)


def _checked(command: Command) -> Command:
    """Return a command that a desired state may have; raises UsageError."""
    package = type(command).__module__.removeprefix("pytc.commands.").partition(".")[0]
    if package not in _OBJECTS or command.effect != "requests" or getattr(command, "verb", "") not in _VERBS:
        raise UsageError(
            'A desired state consists of "add" or "replace" of qdiscs, classes, filters, chains and actions',
            hints=('"prune" removes what the file does not name',),
        )
    return command


def _with_owner(command: Command, owner: str) -> Command:
    options = command.options if isinstance(command, FilterChange) else None
    if not isinstance(options, BpfOptions) or options.source is None or options.owner:
        return command
    if options.source.mode in (BYTECODE, BYTECODE_FILE, EXPRESSION):
        return command
    return cast("Command", cast("FilterChange", command).replace(options=options.replace(owner=owner)))


def _explained(error: PytcError, command: Command) -> PytcError:
    if isinstance(error, NetlinkError) and isinstance(command, FilterChange):
        return explain_refusal(error, command.selector, command)
    return error


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


def _documents(steps: Sequence[Step]) -> Iterator[Document]:
    """Describe all objects in JSON, and in text those that differ."""
    for step in steps:
        yield _document(step)
    if not _differing(steps):
        yield [Field("", text="unchanged\n")] if not steps else [Field("summary", "unchanged", "unchanged\n")]


def _document(step: Step) -> Document:
    message = step.message
    text = object_text(message)
    sort, _, place = text.partition(" ")
    sign = _SIGNS.get(step.state, "")
    fields: list[Part] = [
        Field("state", step.state, f"{sign} " if sign else ""),
        Field("object", sort, sort if sign else ""),
        Field("place", place, f" {place}\n" if sign else ""),
    ]
    if step.desired is not None:
        fields.append(Field("line", step.desired.line))
    if step.state == "changed" and step.desired is not None and step.present is not None:
        fields += [Field("before", content(step.present)), Field("after", content(step.desired.shown))]
    return fields
