"""``--atomic``: a session that notes how each change is taken back, and takes all of them back in reverse.

Additions are known from what the kernel echoes of them. Of what is changed or deleted, the kernel's description is
kept, and a bpf filter's program is held by a descriptor, so that the very same program comes back.
"""

from collections.abc import Callable, Sequence
from functools import partial
from time import sleep
from typing import TYPE_CHECKING, NamedTuple

from pytc.bpf.sys.descriptor import OwnedFd
from pytc.errors import AtomicError, NetlinkError, PytcError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.session import Session
from pytc.tc.kinds import filters
from pytc.transaction.inverse import affected, gone, is_same, restoration_request
from pytc.transaction.kernel_state import Identity, KernelState, action_message, chain_of, identities, name_of, without

if TYPE_CHECKING:
    from pytc.bpf.loader.load import Loaded
    from pytc.transaction.plan import Plan

_QUESTIONS = (c.GETQDISC, c.GETTCLASS, c.GETTFILTER, c.GETACTION, c.GETCHAIN)
#: How often what fails is tried.
_ATTEMPTS = 6
_PAUSE_SECONDS = 0.05
_REMOVAL = {
    c.NEWQDISC: c.DELQDISC,
    c.NEWTCLASS: c.DELTCLASS,
    c.NEWTFILTER: c.DELTFILTER,
    c.NEWCHAIN: c.DELCHAIN,
    c.NEWACTION: c.DELACTION,
}


class Preflight:
    """Looks at planned requests, in their order, before the first is sent."""

    def __init__(self, session: Session) -> None:
        self._state = KernelState(session)
        self._gone: set[Identity] = set()

    def check(self, plan: "Plan") -> None:
        """Raises AtomicError where something of a command could not be taken back."""
        if plan.lasting:
            raise AtomicError(f"This could not be taken back: {plan.lasting[0]}")
        for message in plan.messages:
            self._gone.update(gone(affected(message, self._state, self._gone)))


class Step(NamedTuple):
    """How a change is taken back; ``what`` says in words what is left where that fails."""

    what: Callable[[], str]
    take_back: Callable[[], None]


class Journal(Session):
    """A session whose changes can be taken back, all at once. Closing it keeps what was done."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[Step] = []
        self._own: set[Identity] = set()
        self._held: dict[int, OwnedFd] = {}
        self._former: list[OwnedFd] = []
        self._state = KernelState(self)

    def request(self, message: TcMessage) -> list[TcMessage]:
        """As any session, with a note of how it is taken back. Raises AtomicError, and sends nothing, where that is
        not possible."""
        if message.type in _QUESTIONS:
            return super().request(message)
        there = affected(message, self._state, self._own)
        steps = [self._restoration(one) for one in (*there.changed, *reversed(there.deleted))]
        chain, brings = self._new_chain(message), self._brings_preference(message)
        answers = super().request(message._replace(flags=message.flags | c.ECHO))
        self._own.update(chain)
        if message.type in _REMOVAL and not there.changed and not there.is_own:
            # the kernel does not echo chains
            made = [message] if message.type == c.NEWCHAIN else [one for one in answers if one.type == message.type]
            steps += [step for one in made for step in self._removals(one, brings=brings)]
        self._steps += reversed(steps)
        return answers

    def _new_chain(self, message: TcMessage) -> list[Identity]:
        """The chain of a filter that is the first in it."""
        chain = chain_of(message)
        if message.type != c.NEWTFILTER or not chain.chain or chain in self._own:
            return []
        return [chain] * (self._state.chain(message) is None)

    def _brings_preference(self, message: TcMessage) -> bool:
        """Whether a filter brings a preference that need not go with it: that of u32 may be there without filters, and
        of matchall kernels like v6.1 echo no handle."""
        if message.type != c.NEWTFILTER or message.attributes.get("TCA_KIND") == "bpf":
            return False
        return not message.info >> 16 or not self._state.has_preference(message)

    def _removals(self, made: TcMessage, *, brings: bool) -> list[Step]:
        own = identities(made)
        self._own.update(own)
        if made.type == c.NEWACTION:
            return [self._action_removal(action) for action in own]
        steps = []
        if made.type != c.NEWTFILTER or made.handle:
            steps.append(Step(partial(_stays, made), partial(self._remove, made)))
        if brings:  # of u32, the kernel shows what other chains have, too
            others = {one.handle for one in self._state.filters(made)}
            steps.append(Step(partial(_stays, made), partial(self._clear, made, others)))
        return steps

    def _action_removal(self, action: Identity) -> Step:
        removal = action_message(c.DELACTION, action)
        return Step(
            lambda: f"action {action.kind} index {action.number} stays", lambda: self._remove_action(action, removal)
        )

    def _remove_action(self, action: Identity, removal: TcMessage) -> None:
        if self._state.is_action(action):
            super().request(removal)

    def _remove(self, made: TcMessage) -> None:
        if made.type != c.NEWTFILTER:
            self._check_strangers(self._state.inside(made))
        try:
            super().request(_removal(made))
        except NetlinkError:
            if self._is_there(made):
                raise

    def _clear(self, made: TcMessage, others: "set[int]") -> None:
        self._check_strangers([one for one in self._state.filters(made) if one.handle not in others])
        if self._state.has_preference(made):
            super().request(_removal(made)._replace(handle=0))

    def _check_strangers(self, inside: Sequence[TcMessage]) -> None:
        for one in without(inside, self._own):
            raise AtomicError(f"others have added {name_of(one)} to it")

    def _is_there(self, made: TcMessage) -> bool:
        """Whether what was made is there still: a later command may have deleted it."""
        state = self._state
        if made.type == c.NEWTFILTER:
            return state.filter(made) is not None
        if made.type == c.NEWQDISC:
            return bool(state.qdiscs(made._replace(parent=0)))
        if made.type == c.NEWTCLASS:
            return state.class_(made) is not None
        return state.chain(made) is not None

    def _restoration(self, found: TcMessage) -> Step:
        program = self._held_program(found) if found.type == c.NEWTFILTER else 0
        request = restoration_request(found, program)
        return Step(lambda: f"{name_of(found)} stays changed", lambda: self._restore(found, request))

    def _held_program(self, found: TcMessage) -> int:
        from pytc.bpf.sys.info import program_by_id

        kind = filters.find("bpf")
        assert kind is not None
        number = kind.schema.decode(found.attributes.get("TCA_OPTIONS", b"")).get("TCA_BPF_ID", 0)
        if not number:
            return 0
        if number not in self._held:
            self._held[number] = program_by_id(number)
        return self._held[number].fd

    def _restore(self, found: TcMessage, request: TcMessage) -> None:
        super().request(request)
        state = self._state
        if found.type == c.NEWQDISC:
            now = next(iter(state.qdiscs(found)), None)
        else:
            now = state.filter(found) if found.type == c.NEWTFILTER else state.class_(found)
        if now is None or not is_same(found, now):
            raise AtomicError("the kernel accepted it but shows something else")

    def session(self) -> Session:
        """Return the session that records what it changes: the journal itself."""
        return self

    def keep_pins(self, loaded: "Loaded") -> None:
        """Record the pins that a load has made, and those of program arrays that it is about to move."""
        from pytc.bpf.sys.pins import open_pin
        from pytc.transaction.owned_pins import pinned_map_id, remove_owned_pin, restore_pin

        for path in loaded.pins:
            self._steps.append(Step(f'"{path}" stays'.__str__, partial(remove_owned_pin, path, pinned_map_id(path))))
        for path, made in loaded.moves.items():
            former = open_pin(path)
            self._former.append(former)
            self._steps.append(
                Step(
                    f'the new program array stays pinned at "{path}"'.__str__,
                    partial(restore_pin, path, former, made.description.id),
                )
            )

    def take_back(self) -> list[str]:
        """Undoes all changes, the last first; returns sentences about what is left of them.

        What cannot go before something else is tried again after that: the kernel takes a moment to release what a
        filter has used.
        """
        left: list[str] = []
        for attempt in range(_ATTEMPTS):
            sleep(_PAUSE_SECONDS * min(attempt, 1))
            failed, left = self._take_back_once()
            if not failed:
                break
            self._steps = failed[::-1]
        self.warnings.clear()
        return left

    def _take_back_once(self) -> tuple[list[Step], list[str]]:
        """The steps that fail, in the order in which they were tried, and what is left of them."""
        failed, left = [], []
        while self._steps:
            step = self._steps.pop()
            try:
                step.take_back()
            except PytcError as error:
                failed.append(step)
                left.append(f"{step.what()}: {error}")
        return failed, left

    def __enter__(self) -> "Journal":
        return self

    def close(self) -> None:
        for one in (*self._held.values(), *self._former):
            one.close()
        super().close()


def _removal(made: TcMessage) -> TcMessage:
    attributes = {name: made.attributes[name] for name in ("TCA_KIND", "TCA_CHAIN") if name in made.attributes}
    return made._replace(type=_REMOVAL[made.type], flags=0, attributes=attributes)


def _stays(made: TcMessage) -> str:
    return f"{name_of(made)} stays"
