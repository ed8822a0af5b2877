"""The lines of a desired state, tried in an empty network namespace, and compared with what exists."""

from __future__ import annotations

import sys

from pytc.bpf.loader.object_cache import ObjectCache
from pytc.cli.atomic import LineError
from pytc.cli.execute import Runner
from pytc.closing import Closing
from pytc.commands.shared.command import Help
from pytc.contexts import ExitStack
from pytc.errors import NetlinkError, PytcError, UsageError
from pytc.tc.filters.hints import explain_refusal
from pytc.tc.filters.requests import FilterChange
from pytc.tc.kinds.filters.bpf import BpfOptions
from pytc.tc.kinds.shared.programs import BYTECODE, BYTECODE_FILE, EXPRESSION
from pytc.transaction.desired_state import DesiredState, PlaceholderPlan, desired_objects
from pytc.transaction.difference import Comparison
from pytc.transaction.program_content import ProgramContents
from pytc.typing import NamedTuple, cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pytc.cli.atomic import Line
    from pytc.cli.command_line import Options
    from pytc.commands.shared.command import Command
    from pytc.commands.shared.desired import Desirable, Wanted
    from pytc.netlink.messages import TcMessage
    from pytc.tc.kinds.interface import OpenedProgram
    from pytc.tc.kinds.shared.programs import MapWords
    from pytc.transaction.desired_state import Made
    from pytc.transaction.difference import Pruning, Step
    from pytc.transaction.kernel_state import Identity

_OBJECTS = ("filter", "chain", "qdisc", "class_", "action")
_VERBS = ("add", "replace")
_COMMANDS = "pytc.commands."
#: Verbs that can state what should exist besides traffic control.
_OTHERS = ("tcx.attach", "cgroup.attach", "map.set", "map.load")


class _Request(NamedTuple):
    """A request that a line would send."""

    line: int
    command: Command
    message: TcMessage


class Other(NamedTuple):
    """What a line asks for besides traffic control."""

    line: int
    wanted: Wanted


class DesiredLines(Closing):
    """What the kernel makes of lines in an empty place, beside what exists.

    Bpf filters without an owner become those of ``owner``. A line that cannot be carried out raises LineError, or is
    given to ``refused``, and left out.
    """

    def __init__(
        self,
        options: Options,
        lines: Sequence[Line],
        owner: str,
        refused: Callable[[LineError], object] | None = None,
    ) -> None:
        self.options = options
        self._owner = owner
        self._refused = refused
        self._owned = ExitStack()
        try:
            self._plan = self._owned.enter_context(PlaceholderPlan())
            self.objects = self._owned.enter_context(ObjectCache())  # what is compared is what is loaded
            planner = self._owned.enter_context(Runner(options, plan=self._plan, objects=self.objects))
            context = planner.context
            context.warns = False  # what is carried out warns
            self.contents = ProgramContents(self.objects, context.bpf_mount)
            #: Attached programs and elements of maps, in the order of the lines.
            self.others: list[Other] = []
            self.session = context.session
            requests = [*self._requests(planner, lines)]
            self._plan.reset()
            self._state = self._owned.enter_context(
                DesiredState(
                    self.session, [one.message for one in requests], [*context.connection.device_indexes.values()]
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
                if (package := _module(command)) in _OTHERS:
                    module = cast("Desirable", sys.modules[f"{_COMMANDS}{package}"])
                    self.others.append(Other(number, module.desire(planner.context, command, self)))
                    continue
                owned = _with_owner(_checked(command), self._owner)
                planner.plan(owned)
            except PytcError as error:
                self._refuse(LineError(number, error))
                continue
            for message in self._plan.messages:
                yield _Request(number, owned, message)

    def _try(self, requests: Sequence[_Request]) -> Iterator[Made]:
        for line, command, message in requests:
            try:
                yield from self._state.attempt(line, command, message)
            except PytcError as error:
                self._refuse(LineError(line, _explained(error, command)))

    def _refuse(self, failure: LineError) -> None:
        if self._refused is None:
            raise failure from failure.error
        self._refused(failure)

    def steps(self, pruning: Pruning, tried: Collection[Identity] = ()) -> list[Step]:
        """Return the difference to what exists now; raises NetlinkError."""
        comparison = Comparison(self._desired, self._state.present(), self.is_loaded, owner=self._owner, tried=tried)
        return comparison.steps(pruning)

    def is_loaded(self, program: OpenedProgram, number: int) -> bool:
        """Report whether the program with that id is what a line names."""
        return self._plan.is_pinned_as(program, number) or self.contents.is_loaded(program, number)

    def shared_maps(self, program: OpenedProgram, number: int) -> Iterator[MapWords]:
        """Return the words by which a new program goes on with the maps of the one with that id."""
        return self.contents.shared_maps(program, number)


def _module(command: Command) -> str:
    """Return the module of a command, like ``tcx.attach``."""
    return type(command).__module__.removeprefix(_COMMANDS)


def _checked(command: Command) -> Command:
    """Return a command that a desired state may have; raises UsageError."""
    package = _module(command).partition(".")[0]
    if package not in _OBJECTS or command.effect != "requests" or getattr(command, "verb", "") not in _VERBS:
        raise UsageError(
            'A desired state consists of "add" or "replace" of qdiscs, classes, filters, chains and actions, of '
            '"tcx attach", "cgroup attach", "map set" and "map load"',
            hints=('"prune" removes what the file does not name',),
        )
    return command


def _with_owner(command: Command, owner: str) -> Command:
    options = command.options if isinstance(command, FilterChange) else None
    if not isinstance(options, BpfOptions) or options.source is None or options.owner is not None:
        return command
    if options.source.mode in (BYTECODE, BYTECODE_FILE, EXPRESSION):
        return command
    return cast("Command", cast("FilterChange", command).replace(options=options.replace(owner=owner)))


def _explained(error: PytcError, command: Command) -> PytcError:
    if isinstance(error, NetlinkError) and isinstance(command, FilterChange):
        return explain_refusal(error, command.selector, command)
    return error
