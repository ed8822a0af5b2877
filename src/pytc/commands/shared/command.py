"""Commands: requests of the user as values, their effects, and what running them returns."""

from __future__ import annotations

from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from pytc.render.documents import Document, Stream

    #: What a run shows: a document for each object, which may be made only when its turn comes; a stream, which has to
    #: be used before the context is closed; or nothing.
    Outcome = Iterable[Document] | Stream | None
    #: What a command does to the machine: nothing (it ``asks``), changes by netlink ``requests`` alone, a program that
    #: it ``attaches`` or detaches with bpf(2), what the commands of a file do that it ``applies``, nothing but a file
    #: that it ``exports``, or anything else that ``changes`` it.
    Effect = Literal["asks", "requests", "attaches", "applies", "exports", "changes"]


class Command(Value):
    """A request of the user, complete before anything is touched.

    It is defined in the module of its verb, whose ``run(context, command)`` carries it out.
    """

    @property
    def effect(self) -> Effect:
        """The effect that running it may have; ``--dry-run`` and ``--atomic`` depend on it."""
        return "changes"


class Query(Command):
    """A command that changes nothing."""

    @property
    def effect(self) -> Effect:
        return "asks"


class Requests(Command):
    """A command that changes traffic control by netlink requests, and nothing else."""

    @property
    def effect(self) -> Effect:
        return "requests"


class Attaching(Command):
    """A command that attaches or detaches a program with bpf(2)."""

    @property
    def effect(self) -> Effect:
        return "attaches"


class Help(Query):
    """A request for the help text of a topic, like ``filter bpf``; empty for the general one."""

    topic: str
