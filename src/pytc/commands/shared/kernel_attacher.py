"""Attach, replace and detach programs in the kernel."""

from __future__ import annotations

import os

from pytc.bpf.sys.attach_points import FIRST, LAST, Position, attach
from pytc.bpf.sys.attach_points import detach as detach_program
from pytc.bpf.sys.constants import F_ALLOW_MULTI, F_ALLOW_OVERRIDE
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import program_by_id
from pytc.bpf.sys.links import Link
from pytc.commands.shared.attacher import Choice
from pytc.commands.shared.attachments import dead_link, find_attachment, unpin_link
from pytc.commands.shared.pins import check_pinnable, make_pin
from pytc.contexts import closing, contextmanager
from pytc.cpython import partial
from pytc.errors import AttachError, BpfSyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytc.commands.shared.attach_words import Reference
    from pytc.commands.shared.attacher import Attacher, Attachment, Hook, Order, Sharing, Target
    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.interface import OpenedProgram

_FLAGS: dict[Sharing | None, int] = {
    "multi": F_ALLOW_MULTI,
    "override": F_ALLOW_OVERRIDE,
    "exclusive": 0,
    None: 0,
}


def make_attacher(context: Context) -> Attacher:
    """Return what carries out the changes of a command: the plan of a dry run, or the kernel."""
    plan = context.connection.plan
    return plan.attacher(context) if plan is not None else KernelAttacher(context)


class KernelAttacher:
    """The :class:`~pytc.commands.shared.attacher.Attacher` that calls bpf(2)."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def check(self, target: Target, link: str = "") -> None:
        target.check()
        if link and not dead_link(self._context, link):
            check_pinnable(self._context, "link", link)

    def choose(self, target: Target, reference: Reference | None) -> Choice:
        attachments = target.attached()
        if reference is None:
            return Choice(None, tuple(attachments))
        return Choice(reference, (find_attachment(self._context, reference, attachments, target.label),))

    def attach(
        self,
        hook: Hook,
        program: OpenedProgram,
        *,
        sharing: Sharing | None = None,
        order: Order | None = None,
        relative: Choice | None = None,
        revision: int = 0,
        link: str = "",
    ) -> Callable[[], None]:
        detach = self._attach(hook, program, _FLAGS[sharing], position_of(order, relative), revision, link)
        if (journal := self._context.connection.journal) is not None:
            held = OwnedFd(os.dup(program.fd))

            def undo() -> None:
                if link:
                    detach()
                    return
                with explained(hook), closing(hook):
                    detach_program(hook.point, held.fd)

            journal.record(f"{program.annotation} stays attached to {hook.label}", undo, held)
        return detach

    def _attach(
        self, hook: Hook, program: OpenedProgram, flags: int, position: Position, revision: int, link: str
    ) -> Callable[[], None]:
        with explained(hook, program=program.fd, revision=revision):
            if not link:
                attach(hook.point, program.fd, flags=flags, position=position, revision=revision)
                return partial(detach_program, hook.point, program.fd)
            with Link.create(hook.point, program.fd, position=position, revision=revision) as created:
                self._remove_dead_pin(link)
                # without a pin, it ends with its descriptor
                remove_directories = make_pin(self._context, "link", link, created.pin)

        def undo() -> None:
            unpin_link(self._context, link)
            remove_directories()

        return undo

    def _remove_dead_pin(self, path: str) -> None:
        """Remove the pin of a link whose device or cgroup is gone, or that was detached: nobody can use it."""
        if dead := dead_link(self._context, path):
            unpin_link(self._context, path)
            self._context.notes.append(
                f'Note: link {dead}, pinned at "{path}", was attached to nothing; it is replaced'
            )

    def replace(
        self, hook: Hook, old: Choice, program: OpenedProgram, *, sharing: Sharing | None = None, revision: int = 0
    ) -> None:
        (replaced,) = old.attachments or ()

        def swap(new: int, former: int, revision: int = 0) -> None:
            if replaced.link:
                with Link.from_id(replaced.link) as link:
                    link.update(new, old=former)
            else:
                attach(hook.point, new, flags=_FLAGS[sharing], revision=revision, replacing=former)

        with explained(hook, revision=revision), program_by_id(replaced.program) as former:
            swap(program.fd, former.fd, revision)
            if (journal := self._context.connection.journal) is not None:
                old_held, new_held = OwnedFd(os.dup(former.fd)), OwnedFd(os.dup(program.fd))

                def undo() -> None:
                    with explained(hook), closing(hook):
                        swap(old_held.fd, new_held.fd)

                journal.record(f"{program.annotation} stays attached to {hook.label}", undo, old_held, new_held)

    def detach(self, target: Target, which: Choice, *, revision: int = 0) -> None:
        attachments = which.attachments or ()
        for done, attachment in enumerate(attachments):
            try:
                with explained(attachment.hook, revision=revision):
                    _detach(attachment, revision)
            except AttachError as error:
                if done:
                    error.with_hints(f"{done} of {len(attachments)} programs have been detached before")
                raise
            revision += bool(revision)
        named = which.reference
        if named is not None and named.kind in ("link", "pinned") and attachments[0].link and not named.text.isdigit():
            unpin_link(self._context, named.text)


def position_of(order: Order | None, relative: Choice | None) -> Position:
    """Return the place in a run order as bpf(2) takes it."""
    if relative is None:
        return FIRST if order == "first" else LAST
    (neighbour,) = relative.attachments or ()
    return Position(
        before=order == "before",
        after=order == "after",
        relative=neighbour.link or neighbour.program,
        link=bool(neighbour.link),
    )


def _detach(attachment: Attachment, revision: int) -> None:
    if attachment.link:
        with Link.from_id(attachment.link) as link:
            link.detach()
    else:
        with program_by_id(attachment.program) as program:
            detach_program(attachment.hook.point, program.fd, revision=revision)


@contextmanager
def explained(hook: Hook, *, program: int = 0, revision: int = 0) -> Iterator[None]:
    """Turn the kernel's refusals within the block into AttachError."""
    try:
        yield
    except BpfSyscallError as error:
        raise hook.explain(error, program=program, revision=revision) from error
