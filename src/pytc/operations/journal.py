"""``--atomic``: a session that notes how each change is taken back, and takes all of them back in reverse.

Additions are known from what the kernel echoes of them. Of what is changed or deleted, the kernel's description is
kept, and a bpf filter's program is held by a descriptor, so that the very same program comes back.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytc.bpf.descriptor import OwnedFd
from pytc.errors import AtomicError, NetlinkError, PytcError
from pytc.kinds import filters
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage, decode_options
from pytc.netlink.session import Session, interface_name
from pytc.operations.standing import Identity, Standing, action_table, identities
from pytc.operations.undoing import affected, is_same, restoring

if TYPE_CHECKING:
    from pytc.bpf.loader import Loaded

_QUESTIONS = (c.GETQDISC, c.GETTCLASS, c.GETTFILTER, c.GETACTION, c.GETCHAIN)
_REMOVAL = {c.NEWQDISC: c.DELQDISC, c.NEWTCLASS: c.DELTCLASS, c.NEWTFILTER: c.DELTFILTER, c.NEWCHAIN: c.DELCHAIN,
            c.NEWACTION: c.DELACTION}


class Step(NamedTuple):
    """How a change is taken back; ``what`` says in words what is left where that fails."""

    what: str
    take_back: Callable[[], None]


class Journal(Session):
    """A session whose changes can be taken back, all at once. Closing it keeps what was done."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[Step] = []
        self._own: set[Identity] = set()
        self._held: list[OwnedFd] = []
        self._standing = Standing(self)

    def request(self, message: TcMessage) -> list[TcMessage]:
        """As any session, with a note of how it is taken back. Raises AtomicError, and sends nothing, where that is
        not possible."""
        if message.type in _QUESTIONS:
            return super().request(message)
        there = affected(message, self._standing, self._own)
        steps = [self._restoration(one) for one in (*there.changed, *reversed(there.deleted))]
        answers = super().request(message._replace(flags=message.flags | c.ECHO))
        if message.type in _REMOVAL and not there.changed:
            steps += self._removals(message, answers)
        self._steps += reversed(steps)
        return answers

    def _removals(self, message: TcMessage, answers: Sequence[TcMessage]) -> list[Step]:
        made = [one for one in answers if one.type == message.type]
        if message.type == c.NEWCHAIN:
            made = [message]  # the kernel does not echo chains
        steps = []
        for one in made:
            own = identities(one)
            if self._own.issuperset(own):
                continue  # changed only, and made by an earlier one
            self._own.update(own)
            steps.append(Step(f"{_words(one)} was added", lambda one=one: self._remove(one)))  # type: ignore[misc]
        return steps

    def _remove(self, made: TcMessage) -> None:
        names = ("TCA_KIND", "TCA_CHAIN", "TCA_ROOT_TAB")
        attributes = {name: made.attributes[name] for name in names if name in made.attributes}
        if made.type == c.NEWACTION:
            attributes = {"TCA_ROOT_TAB": action_table(identities(made))}
        try:
            super().request(made._replace(type=_REMOVAL[made.type], flags=0, attributes=attributes))
        except NetlinkError:
            if self._is_there(made):
                raise

    def _is_there(self, made: TcMessage) -> bool:
        """Whether what was made is there still: a later command may have deleted it."""
        standing = self._standing
        if made.type == c.NEWTFILTER:
            return standing.filter(made) is not None
        if made.type == c.NEWQDISC:
            return bool(standing.qdiscs(made._replace(parent=0)))
        if made.type == c.NEWTCLASS:
            return standing.class_(made) is not None
        if made.type == c.NEWCHAIN:
            return standing.chain(made) is not None
        return bool(standing.actions(made))

    def _restoration(self, found: TcMessage) -> Step:
        program = 0
        if found.type == c.NEWTFILTER:
            program = self._held_program(found)
        request = restoring(found, program)
        return Step(f"{_words(found)} is not what it was", lambda: self._restore(found, request))

    def _held_program(self, found: TcMessage) -> int:
        from pytc.bpf.info import program_by_id

        kind = filters.find("bpf")
        assert kind is not None
        number = decode_options(kind.schema, found.attributes.get("TCA_OPTIONS", b"")).get("TCA_BPF_ID", 0)
        if not number:
            return 0
        self._held.append(program_by_id(number))
        return self._held[-1].fd

    def _restore(self, found: TcMessage, request: TcMessage) -> None:
        super().request(request)
        standing = self._standing
        if found.type == c.NEWQDISC:
            now = next(iter(standing.qdiscs(found)), None)
        else:
            now = standing.filter(found) if found.type == c.NEWTFILTER else standing.class_(found)
        if now is None or not is_same(found, now):
            raise AtomicError("the kernel took it, and shows something else")

    def keep_pins(self, loaded: "Loaded") -> None:
        """Notes the pins that a load has made, and those of program arrays that it is about to move."""
        from pytc.bpf.maps import open_pin
        from pytc.bpf.pinning import PinRoot

        def remove() -> None:
            left = loaded.undo()
            if left:
                raise AtomicError(f"still pinned: {', '.join(left)}")

        self._steps.append(Step("a pin was made", remove))
        for path in loaded.moves:
            former = open_pin(path)
            self._held.append(former)
            self._steps.append(Step(f'the program array pinned at "{path}" is a new one',
                                    lambda path=path, fd=former.fd: PinRoot().replace(path, fd)))  # type: ignore[misc]

    def take_back(self) -> list[str]:
        """Undoes all changes, the last first; returns sentences about what is left of them."""
        left = []
        while self._steps:
            step = self._steps.pop()
            try:
                step.take_back()
            except PytcError as error:
                left.append(f"{step.what}: {error}")
        self.warnings.clear()
        return left

    def __enter__(self) -> "Journal":
        return self

    def close(self) -> None:
        while self._held:
            self._held.pop().close()
        super().close()


def _words(message: TcMessage) -> str:
    from pytc.operations.request_words import place
    from pytc.render.text import render

    sorts = {c.NEWQDISC: "qdisc", c.NEWTCLASS: "class", c.NEWTFILTER: "filter", c.NEWCHAIN: "chain"}
    if message.type == c.NEWACTION:
        return ", ".join(f"action {one.kind} index {one.number}" for one in identities(message))
    return sorts[message.type] + render([place(message, interface_name)])

