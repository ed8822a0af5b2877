"""The desired state: what the kernel makes of the commands of a file in an empty place, and what exists there."""

from __future__ import annotations

from pytc.bpf.loader.placeholder import load_placeholder
from pytc.bpf.sys.constants import ProgramType
from pytc.bpf.sys.info import describe_program
from pytc.closing import Closing
from pytc.contexts import suppress
from pytc.errors import AtomicError, NetlinkError
from pytc.netlink import constants as c
from pytc.tc.kinds.interface import OpenedProgram
from pytc.transaction.difference import Desired
from pytc.transaction.kernel_state import action_message, identities
from pytc.transaction.plan import Plan
from pytc.transaction.rehearsal import open_rehearsal, read_link
from pytc.transaction.state_objects import identity, program_ids, read_objects
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
    from pytc.bpf.sys.descriptor import OwnedFd
    from pytc.commands.shared.command import Command
    from pytc.netlink.messages import TcMessage
    from pytc.netlink.session import Session
    from pytc.transaction.kernel_state import Identity

_SEED_ROUNDS = 3


class PlaceholderPlan(Plan, Closing):
    """A plan whose stand-ins are real programs that do nothing, so that its requests can be tried."""

    def __init__(self) -> None:
        super().__init__(is_preflight=True)
        self._placeholders: list[OwnedFd] = []
        #: Programs that would be loaded, and pinned ones, by the id of their placeholder.
        self.programs: dict[int, OpenedProgram] = {}
        self._pinned_ids: dict[int, int] = {}

    def _stand_in(
        self,
        name: str,
        words: str,
        type: int,
        attach_type: int | None = None,
        declaration: tuple[ObjectSpec, ProgramSpec] | None = None,
    ) -> OpenedProgram:
        descriptor = load_placeholder(ProgramType(type))
        self._placeholders.append(descriptor)
        number = describe_program(descriptor.fd).id
        self._programs[descriptor.fd] = name
        self.programs[number] = OpenedProgram(descriptor.fd, words, type, attach_type, declaration)
        return self.programs[number]

    def is_pinned_as(self, program: OpenedProgram, number: int) -> bool:
        """Report whether a stand-in is for a pinned program with that id."""
        return self._pinned_ids.get(program.fd) == number

    def reset(self) -> None:
        """Forget a command, but for the pinned programs that it names."""
        self._pinned_ids.update((fd, description.id) for fd, description in self._descriptions.items())
        super().reset()

    def close(self) -> None:
        while self._placeholders:
            self._placeholders.pop().close()


class Made(NamedTuple):
    """An object that a request of a line has made in the empty place."""

    line: int
    command: Command
    request: TcMessage
    object: Identity


class DesiredState(Closing):
    """Tries the requests of a file, and reads what they make; owns the session in the empty namespace."""

    def __init__(self, session: Session, requests: Sequence[TcMessage], devices: Sequence[int]) -> None:
        """Make the namespace for the requests of a file, with copies of ``devices``, and with what exists in places
        that the file does not name.

        Raises NetlinkError, NamespaceError.
        """
        self._blocks = sorted({one.parent for one in requests if one.ifindex == c.BLOCK})
        self._ifindexes = sorted({one.ifindex for one in requests} - {0, c.BLOCK})
        self._session = session
        self._named = {identity(one) for one in requests if one.type in (c.NEWQDISC, c.NEWTCLASS)}
        self._actions: list[Identity] = []
        self._rehearsal = open_rehearsal(read_link(session, index) for index in devices)
        self._seed()

    def _seed(self) -> None:
        """Make the qdiscs and classes that exist, and that the file's may be below; what cannot be made is passed
        over."""
        present = read_objects(self._session, self._ifindexes)
        seeds = [
            one for key, one in present.items() if one.type in (c.NEWQDISC, c.NEWTCLASS) and key not in self._named
        ]
        for _ in range(_SEED_ROUNDS):
            seeds = [one for one in seeds if not self._is_made(one)]

    def _is_made(self, one: TcMessage) -> bool:
        names = ("TCA_KIND", "TCA_OPTIONS", "TCA_INGRESS_BLOCK", "TCA_EGRESS_BLOCK")
        attributes = {name: one.attributes[name] for name in names if name in one.attributes}
        with suppress(NetlinkError):
            self._rehearsal.request(one._replace(flags=c.CREATE, info=0, attributes=attributes))
            return True
        return False

    def attempt(self, line: int, command: Command, request: TcMessage) -> Iterator[Made]:
        """Send a request of the file in the empty place; yields the objects that it makes. Raises NetlinkError,
        AtomicError."""
        answers = self._rehearsal.request(request._replace(flags=request.flags | c.ECHO))
        if request.type == c.NEWACTION:
            for action in identities(request):
                if not action.number:
                    raise AtomicError(f"a desired action needs an index: action {action.kind} index NUMBER")
                self._actions.append(action)
                yield Made(line, command, request, action)
            return
        made = [answer for answer in answers if answer.type == request.type] or [request]
        yield Made(line, command, request, identity(made[-1]))

    def read(self) -> dict[Identity, TcMessage]:
        """Return what the file makes, and what else was there."""
        return self._read(self._rehearsal)

    def present(self) -> dict[Identity, TcMessage]:
        """Return what exists on the devices, in the blocks and of the actions that the file names."""
        return self._read(self._session)

    def _read(self, session: Session) -> dict[Identity, TcMessage]:
        objects = read_objects(session, self._ifindexes, self._blocks)
        for action in self._actions:
            with suppress(NetlinkError):
                for answer in session.request(action_message(c.GETACTION, action)):
                    objects[action] = answer._replace(type=c.NEWACTION)
        return objects

    def close(self) -> None:
        self._rehearsal.close()


def desired_objects(
    state: DesiredState,
    made: Iterable[Made],
    programs: dict[int, OpenedProgram],
) -> list[Desired]:
    """Return the objects of a file, once each: those that a later line has replaced are not wanted."""
    tried = [*made]
    shown = state.read()
    by_object: dict[Identity, Desired] = {}
    for line, command, request, key in tried:
        message = shown.get(key) or _of_preference(shown, key)
        if message is not None:
            found = tuple(programs[number] for number in program_ids(message) if number in programs)
            by_object[identity(message)] = Desired(line, command, request, message, found)
    return sorted(by_object.values(), key=lambda one: one.line)


def _of_preference(shown: dict[Identity, TcMessage], key: Identity) -> TcMessage | None:
    """Return the only filter of a preference, for kernels that echo no handle (matchall of v6.1)."""
    return next((one for other, one in shown.items() if key.sort == "filter" and other._replace(number=0) == key), None)
