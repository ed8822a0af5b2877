"""The session of ``--atomic``: it records how each change is undone, and undoes all of them in reverse.

Additions are known from the kernel's echo. Of what is changed or deleted, the kernel's description is stored, and a bpf
filter's program is held by a descriptor, so that the very same program comes back.
"""

from __future__ import annotations

import os
from time import sleep

from pytc.bpf.maps.pin_lock import PinLock
from pytc.bpf.sys.descriptor import OwnedFd, raise_descriptor_limit
from pytc.bpf.sys.info import describe_program, program_by_id
from pytc.bpf.sys.pins import open_pin
from pytc.cpython import partial
from pytc.errors import AnswerLostError, AtomicError, BpfError, NetlinkError, strerror
from pytc.netlink import constants as c
from pytc.netlink.session import Session
from pytc.tc.filters.records import filter_of_program
from pytc.tc.kinds import filters
from pytc.transaction.kernel_state import (
    REMOVAL_TYPES,
    KernelState,
    action_message,
    chain_identity,
    identities,
    not_created,
    object_text,
    removal,
)
from pytc.transaction.owned_pins import pinned_map_id, remove_owned_pin, restore_pin
from pytc.transaction.restoring import is_same, restoration_request
from pytc.transaction.undoable import deleted_identities, find_affected
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytc.bpf.loader.load import Loaded
    from pytc.commands.shared.context import Closeable
    from pytc.netlink.messages import TcMessage
    from pytc.transaction.kernel_state import Identity
    from pytc.transaction.plan import Plan

_QUESTIONS = (c.GETQDISC, c.GETTCLASS, c.GETTFILTER, c.GETACTION, c.GETCHAIN)
#: Descriptors and bytes that are held for the undoing, which must not fail for lack of either.
_SPARE_DESCRIPTORS = 8
_SPARE_BYTES = 1 << 22
#: How often what fails is tried.
_ATTEMPTS = 6
_PAUSE_SECONDS = 0.05


class Preflight:
    """Checks planned requests, in their order, before the first is sent."""

    def __init__(self, session: Session) -> None:
        self._state = KernelState(session)
        self._deleted: set[Identity] = set()

    def check(self, plan: Plan) -> None:
        """Raise AtomicError where a part of a command could not be undone."""
        if plan.lasting:
            raise AtomicError(f"This could not be taken back: {plan.lasting[0]}")
        for message in plan.messages:
            self._deleted.update(deleted_identities(find_affected(message, self._state, self._deleted)))


class Step(NamedTuple):
    """An inverse of one change; ``describe`` says in words what is left where ``undo`` fails."""

    describe: Callable[[], str]
    undo: Callable[[], None]


class Journal(Session):
    """A session whose changes can be undone, all at once. Closing it keeps what was done."""

    def __init__(self) -> None:
        #: Held to the end of the batch: what is undone then must not be in use by another command.
        self.pin_lock = PinLock().__enter__()
        self._steps: list[Step] = []
        #: The number of steps before the last request, and the steps that have failed in this round of undoing.
        self._before_request = 0
        self._failed: list[Step] = []
        self._created: set[Identity] = set()
        self._held: dict[int, OwnedFd] = {}
        self._former: list[Closeable] = []
        #: Whether requests are sent, too, that cannot be undone.
        self.accepts_losses = False
        #: Whether something of this batch may exist that cannot be identified.
        self._is_unsure = False
        self._spare: list[OwnedFd] = []
        self._spare_memory = bytearray()
        super().__init__()  # which closes this session where it fails
        self._state = KernelState(self)
        raise_descriptor_limit()  # each filter that is replaced or deleted takes one
        self._spare_memory = bytearray(_SPARE_BYTES)
        try:
            for _ in range(_SPARE_DESCRIPTORS):
                self._spare.append(OwnedFd(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)))
        except OSError as error:
            self.close()
            raise AtomicError(f"cannot hold descriptors for undoing: {strerror(error.errno or 0)}") from error

    def request(self, message: TcMessage) -> list[TcMessage]:
        """Send a request, and record how it is undone.

        Raises AtomicError, and sends nothing, where that is not possible, unless it accepts losses.
        """
        if message.type in _QUESTIONS:
            return super().request(message)
        try:
            objects = find_affected(message, self._state, self._created)
        except AtomicError:
            if not self.accepts_losses:
                raise
            return super().request(message)
        steps = [self._restoration(echo) for echo in (*objects.changed, *objects.deleted)]
        chain, brings = self._new_chain(message), self._brings_preference(message)
        self._before_request = len(self._steps)
        is_new = message.type in REMOVAL_TYPES and not objects.changed and not objects.is_own
        present = self._present(message) if is_new else None
        try:
            answers = super().request(message._replace(flags=message.flags | c.ECHO))
        except AnswerLostError:  # the kernel may have done it
            self._created.update(chain)
            self._steps += reversed(steps)
            if is_new and not present:
                self._steps.append(self._removal_of_lost(message, brings=brings, is_known=present is not None))
            raise
        self._created.update(chain)
        if is_new:
            # the kernel does not echo chains
            echoes = (
                [message] if message.type == c.NEWCHAIN else [echo for echo in answers if echo.type == message.type]
            )
            steps += [step for echo in echoes for step in self._removals(echo, brings=brings)]
        self._steps += reversed(steps)
        return answers

    def _present(self, message: TcMessage) -> list[TcMessage] | None:
        """Return what a request for something new would find in its place; None where the kernel chooses the place."""
        state, named = self._state, identities(message)
        if message.type == c.NEWQDISC:
            return state.qdiscs(message)
        if message.type == c.NEWCHAIN:
            return [message] * (state.chain(message) is not None)
        if not all(identity.number for identity in named):
            return None
        if message.type == c.NEWACTION:
            return [message] * any(map(state.is_action, named))
        if message.type == c.NEWTFILTER and not message.info >> 16:
            return None
        found = state.filter(message) if message.type == c.NEWTFILTER else state.class_(message)
        return [] if found is None else [found]

    def _removal_of_lost(self, message: TcMessage, *, brings: bool, is_known: bool) -> Step:
        """Return the step that removes what the kernel may have made; nothing was in its place before, where that
        ``is_known``."""
        program = _program_id(message)
        self._is_unsure = self._is_unsure or not (is_known or program)

        def undo() -> None:
            if is_known:
                found = self._present(message) or []
            elif program:
                answer = filter_of_program(self, message, program)
                found = [] if answer is None else [answer]
            else:
                raise AtomicError("the kernel's answer was lost, and the request does not say which it is")
            for created in found:
                for step in self._removals(created, brings=False):
                    step.undo()
                if brings and self._state.has_preference(created):
                    raise AtomicError("its preference stays")

        return Step(lambda: f"{object_text(message)} stays, if the kernel has made it", undo)

    def _new_chain(self, message: TcMessage) -> list[Identity]:
        """Return the chain of a filter that is the first in it."""
        chain = chain_identity(message)
        if message.type != c.NEWTFILTER or not chain.chain or chain in self._created:
            return []
        return [chain] * (self._state.chain(message) is None)

    def _brings_preference(self, message: TcMessage) -> bool:
        """Report whether a filter brings a preference that need not go with it: a preference of u32 may exist without
        filters, and for matchall kernels like v6.1 echo no handle."""
        if message.type != c.NEWTFILTER or message.attributes.get("TCA_KIND") == "bpf":
            return False
        return not message.info >> 16 or not self._state.has_preference(message)

    def _removals(self, created: TcMessage, *, brings: bool) -> list[Step]:
        objects = identities(created)
        self._created.update(objects)
        if created.type == c.NEWACTION:
            return [self._action_removal(action) for action in objects]
        steps = []
        if created.type != c.NEWTFILTER or created.handle:
            steps.append(Step(partial(_stays, created), partial(self._remove, created)))
        if brings:  # a u32 dump has the filters of other chains, too
            existing = {filter.handle for filter in self._state.filters(created)}
            steps.append(Step(partial(_stays, created), partial(self._clear, created, existing)))
        return steps

    def _action_removal(self, action: Identity) -> Step:
        removal = action_message(c.DELACTION, action)
        return Step(
            lambda: f"action {action.kind} index {action.number} stays", lambda: self._remove_action(action, removal)
        )

    def _remove_action(self, action: Identity, removal: TcMessage) -> None:
        if self._state.is_action(action):
            super().request(removal)

    def _remove(self, created: TcMessage) -> None:
        if created.type != c.NEWTFILTER:
            self._check_strangers(self._state.contents(created))
        try:
            super().request(removal(created))
        except (NetlinkError, AnswerLostError):
            if self._exists(created):
                raise

    def _clear(self, created: TcMessage, existing: set[int]) -> None:
        self._check_strangers([filter for filter in self._state.filters(created) if filter.handle not in existing])
        if self._state.has_preference(created):
            super().request(removal(created)._replace(handle=0))

    def _check_strangers(self, inside: Sequence[TcMessage]) -> None:
        for stranger in not_created(inside, self._created):
            if self._is_unsure:
                raise AtomicError(f"{object_text(stranger)} is in it, which others may have added")
            raise AtomicError(f"others have added {object_text(stranger)} to it")

    def _exists(self, created: TcMessage) -> bool:
        """Report whether a created object still exists: a later command may have deleted it."""
        state = self._state
        if created.type == c.NEWTFILTER:
            return state.filter(created) is not None
        if created.type == c.NEWQDISC:
            return bool(state.qdiscs(created._replace(parent=0)))
        if created.type == c.NEWTCLASS:
            return state.class_(created) is not None
        return state.chain(created) is not None

    def _restoration(self, former: TcMessage) -> Step:
        program = self._held_program(former) if former.type == c.NEWTFILTER else 0
        request = restoration_request(former, program)
        return Step(lambda: f"{object_text(former)} stays changed", lambda: self._restore(former, request))

    def _held_program(self, former: TcMessage) -> int:
        kind = filters.find("bpf")
        assert kind is not None
        if former.attributes.get("TCA_KIND") != "bpf":
            return 0
        number = kind.schema.decode(former.attributes.get("TCA_OPTIONS", b"")).get("TCA_BPF_ID", 0)
        if not number:
            return 0
        if number not in self._held:
            self._held[number] = program_by_id(number)
        return self._held[number].fd

    def _restore(self, former: TcMessage, request: TcMessage) -> None:
        super().request(request)
        state = self._state
        if former.type == c.NEWQDISC:
            restored = next(iter(state.qdiscs(former)), None)
        elif former.type == c.NEWACTION:
            restored = state.action(*identities(former))
        else:
            restored = state.filter(former) if former.type == c.NEWTFILTER else state.class_(former)
        if restored is None or not is_same(former, restored):
            raise AtomicError("the kernel accepted it but shows something else")

    def session(self) -> Session:
        """Return the session that records what it changes: the journal itself."""
        return self

    def keep_pins(self, loaded: Loaded) -> None:
        """Record the pins that a load has made, and those of program arrays that it is about to move.

        They are undone after the last request, which has put the maps to use, and only if that is undone. Raises
        PinError, BpfSyscallError.
        """
        users = self._steps[self._before_request :]

        def only_if_unused(undo: Callable[[], None]) -> Callable[[], None]:
            def wrapped() -> None:
                if any(step in self._failed for step in users):
                    raise AtomicError("what uses its map is not taken back")
                undo()

            return wrapped

        steps = []
        for path in loaded.pins:
            removal = partial(remove_owned_pin, path, pinned_map_id(path))
            steps.append(Step(f'"{path}" stays'.__str__, only_if_unused(removal)))
        for path, array in loaded.moves.items():
            descriptor = open_pin(path)
            self._former.append(descriptor)
            restoration = partial(restore_pin, path, descriptor, array.description.id)
            what = f'the new program array stays pinned at "{path}"'
            steps.append(Step(what.__str__, only_if_unused(restoration)))
        self._steps[self._before_request : self._before_request] = steps

    def record(self, left: str, undo: Callable[[], None], *held: Closeable) -> None:
        """Record how a change is undone that no request has made; ``left`` says what stays where that fails.

        What is ``held`` for it is closed with the journal. Pins that a load keeps behind it are those of what it made.
        """
        self._former += held
        self._before_request = len(self._steps)
        self._steps.append(Step(left.__str__, undo))

    def undo(self) -> list[str]:
        """Undo all changes, the last first; returns sentences about what is left of them. Raises nothing.

        What cannot go before something else is tried again after that: the kernel takes a moment to release what a
        filter has used.
        """
        self._release_spares()
        left: list[str] = []
        for attempt in range(_ATTEMPTS):
            sleep(_PAUSE_SECONDS * min(attempt, 1))
            left = self._undo_once()
            if not left:
                break
            self._steps = self._failed[::-1]
        self.warnings.clear()
        return left

    def _undo_once(self) -> list[str]:
        """Note the steps that fail, in the order in which they are tried; returns sentences about what is left."""
        self._failed, left = [], []
        while self._steps:
            step = self._steps.pop()
            try:
                step.undo()
            except AnswerLostError as error:
                self._failed.append(step)
                left.append(f"not known whether {_describe(step)}: {error}")
            except Exception as error:  # whatever it is, the other steps must follow
                self._failed.append(step)
                left.append(f"not taken back: {_describe(step)}: {str(error) or type(error).__name__}")
        return left

    def _release_spares(self) -> None:
        self._spare_memory = bytearray()
        while self._spare:
            self._spare.pop().close()

    def __enter__(self) -> Journal:
        return self

    def close(self) -> None:
        for resource in (*self._held.values(), *self._former, *self._spare, self.pin_lock):
            resource.close()
        super().close()


def _describe(step: Step) -> str:
    try:
        return step.describe()
    except Exception as error:  # lack of memory, for one
        return f"a change stays ({str(error) or type(error).__name__})"


def _program_id(message: TcMessage) -> int:
    """Return the id of the program in a request for a bpf filter, 0 for none."""
    kind = filters.find("bpf")
    assert kind is not None
    if message.type != c.NEWTFILTER or message.attributes.get("TCA_KIND") != "bpf":
        return 0
    fd = kind.schema.decode(message.attributes.get("TCA_OPTIONS", b"")).get("TCA_BPF_FD", 0)
    try:
        return describe_program(fd).id if fd else 0
    except BpfError:
        return 0


def _stays(created: TcMessage) -> str:
    return f"{object_text(created)} stays"
