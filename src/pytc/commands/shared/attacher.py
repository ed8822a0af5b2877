"""The changes to attached programs that commands make with bpf(2), and that a dry run only notes.

A command is carried out by an :class:`Attacher`: that of :mod:`pytc.commands.shared.kernel_attacher` or, in a dry run,
that of the plan. So both see the same words, devices and programs.
"""

from __future__ import annotations

from pytc.typing import NamedTuple, Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from pytc.bpf.sys.attach_points import AttachPoint
    from pytc.commands.shared.attach_words import Reference
    from pytc.errors import AttachError, BpfSyscallError
    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import OpenedProgram

    #: How a cgroup shares an attach type with the cgroups below it: flags of BPF_PROG_ATTACH.
    Sharing = Literal["multi", "override", "exclusive"]
    #: Where in a hook's run order a program goes; before and after another one.
    Order = Literal["first", "last", "before", "after"]


class Target(Protocol):
    """A place with attached programs: a hook of a device, or a cgroup with the hooks of all attach types."""

    @property
    def label(self) -> str:
        """The name in messages, like ``em1 ingress``."""

    def words(self) -> list[Part]:
        """Return the words that name it in a step of a plan, each with a space in front."""

    def check(self) -> None:
        """Raise AttachError where it does not exist, UnsupportedError where the kernel has no such hook."""

    def attached(self) -> Sequence[Attachment]:
        """Return its programs in run order; raises AttachError."""


class Hook(Target, Protocol):
    """A target with a single list of programs."""

    @property
    def point(self) -> AttachPoint:
        """The arguments of bpf(2) that address it."""

    def close(self) -> None:
        """Close what :attr:`point` has opened; the next use opens it again."""

    def explain(self, error: BpfSyscallError, *, program: int = 0, revision: int = 0) -> AttachError:
        """Return the error for a change that the kernel refused.

        ``program`` is the descriptor of the program that was to be added, 0 for another change; ``revision`` the one
        that the list was expected to have, 0 for any.
        """


class Attachment(NamedTuple):
    """An attached program by its id; ``link`` is the id of its link, 0 for none."""

    hook: Hook
    program: int
    link: int = 0


class Choice(NamedTuple):
    """The attachments of a target that a command names: by a reference, or all of them (None).

    ``attachments`` is None in a dry run, which does not look for them: the machine may be another one.
    """

    reference: Reference | None
    attachments: tuple[Attachment, ...] | None = None


class Attacher(Protocol):
    """Carries out the changes of one command, or notes them."""

    def check(self, target: Target, link: str = "") -> None:
        """Find out, before a program is loaded, that the target does not exist or that no link can be pinned at the
        path ``link``; raises AttachError, PinError."""

    def choose(self, target: Target, reference: Reference | None) -> Choice:
        """Return the one attachment that a reference names, all for None; raises AttachError."""

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
        """Attach a program, by a link pinned at the path ``link`` unless that is empty; return what detaches it again.

        ``order`` is None where a hook has no choice of it; ``relative`` is the neighbour for before and after. Raises
        AttachError, PinError, and then nothing is attached.
        """

    def replace(
        self, hook: Hook, old: Choice, program: OpenedProgram, *, sharing: Sharing | None = None, revision: int = 0
    ) -> None:
        """Put a program into the place of the chosen one, in one step. A link stays, and goes on with the new program.
        Raises AttachError."""

    def detach(self, target: Target, which: Choice, *, revision: int = 0) -> None:
        """Detach the chosen programs; a link that was named by its pin loses that, too. Raises AttachError."""
