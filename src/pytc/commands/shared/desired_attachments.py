"""Programs of tcx, netkit and cgroups as parts of a desired state."""

from __future__ import annotations

from pytc.bpf.sys.links import Link
from pytc.bpf.sys.program_lookup import lookup_program
from pytc.commands.shared.attacher import Choice
from pytc.commands.shared.attachments import open_replacement
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.commands.shared.loaded_programs import declared_name
from pytc.commands.shared.pins import pin_path
from pytc.contexts import closing
from pytc.errors import BpfSyscallError
from pytc.tc.kinds.shared.programs import BARE, OBJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.commands.shared.attacher import Attachment, Hook, Sharing
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.desired import Difference, Programs
    from pytc.commands.shared.opened_programs import ProgramRequest
    from pytc.tc.kinds.interface import OpenedProgram

#: Ways to attach of which a hook takes one program.
_ALONE = ("override", "exclusive")


class WantedAttachment:
    """A program that a hook should have: by its pinned link, or else by its name.

    ``program`` stands for what ``request`` would load. A program of that name, or that of the link, is replaced in its
    place; another one is attached by ``attach``, beside those that are there, unless the hook takes only one.
    """

    lost = ""
    target = None

    def __init__(
        self,
        context: Context,
        sort: str,
        hook: Hook,
        request: ProgramRequest,
        program: OpenedProgram,
        programs: Programs,
        attach: Callable[[Context], None],
        *,
        link: str = "",
        sharing: Sharing | None = None,
    ) -> None:
        self._hook = hook
        self._request = request
        self._program = program
        self._programs = programs
        self._attach = attach
        self._link = link
        self._sharing = sharing
        assert request.source is not None
        self._name = declared_name(context, request.source, program)
        self._path = pin_path(context, link) if link else ""
        self.label = f"{sort} {hook.label} {f'link {link}' if link else program.annotation}"

    def difference(self) -> Difference:
        with closing(self._hook):
            present = self._present()
        if present is None:
            return "created"
        return "unchanged" if self._programs.is_loaded(self._program, present.program) else "changed"

    def parts(self) -> tuple[tuple[object, object], ...]:
        return ()

    def carry_out(self, context: Context) -> None:
        with closing(self._hook):
            present = self._present()
            if present is None:
                self._attach(context)
            elif not self._programs.is_loaded(self._program, present.program):
                self._replace(context, present)

    def _replace(self, context: Context, present: Attachment) -> None:
        sharing = self._sharing if not present.link else None
        with open_replacement(context, self._with_maps(present)) as program:
            make_attacher(context).replace(self._hook, Choice(None, (present,)), program, sharing=sharing)

    def _with_maps(self, present: Attachment) -> ProgramRequest:
        source = self._request.source
        assert source is not None
        if source.mode not in (OBJECT, BARE):
            return self._request
        shared = tuple(self._programs.shared_maps(self._program, present.program))
        return self._request._replace(source=source._replace(maps=(*source.maps, *shared)))

    def _present(self) -> Attachment | None:
        """Return the attachment that is this one, whatever it runs now; raises AttachError."""
        attached = [one for one in self._hook.attached() if bool(one.link) == bool(self._link)]
        if self._link:
            number = _link_at(self._path)
            return next((one for one in attached if one.link == number), None)
        equal = (one for one in attached if self._programs.is_loaded(self._program, one.program))
        alike = (one for one in attached if _name_of(one.program) == self._name or self._sharing in _ALONE)
        return next(equal, None) or next(alike, None)


def _link_at(path: str) -> int:
    """Return the id of the link that is pinned at a path, 0 for none."""
    try:
        with Link.from_pin(path) as link:
            return link.description.id
    except BpfSyscallError:
        return 0


def _name_of(number: int) -> str:
    program = lookup_program(number)
    return program.name if program is not None else ""
