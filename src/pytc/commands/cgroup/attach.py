"""``pytc cgroup attach``: attaches a program to a cgroup, or puts it into the place of another one."""

from __future__ import annotations

from pytc.bpf.sys.cgroups import ATTACH_TYPES
from pytc.bpf.sys.constants import ProgramType, program_type_name
from pytc.commands.cgroup.cgroups import Cgroup, CgroupHook
from pytc.commands.cgroup.words import CGROUP, TYPE_WORDS, take_cgroup
from pytc.commands.shared.attach_words import (
    OWNER,
    PROGRAM,
    REFERENCE,
    check_owner,
    take_program,
    take_reference,
)
from pytc.commands.shared.attachments import open_program, open_replacement
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.commands.shared.link_owners import owned_path
from pytc.commands.shared.loaded_programs import declared_name
from pytc.commands.shared.opened_programs import ProgramRequest
from pytc.cpython import partial
from pytc.errors import AttachError, UsageError
from pytc.words.engine import Word, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.bpf.sys.cgroups import CgroupAttachType
    from pytc.commands.cgroup.words import CgroupName
    from pytc.commands.shared.attach_words import Reference
    from pytc.commands.shared.attacher import Attacher, Sharing
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.desired import Programs, Wanted
    from pytc.tc.kinds.interface import OpenedProgram
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc cgroup attach CGROUP [ TYPE ] [ multi | override | exclusive ]
                           [ link PATH | owner NAME ] [ replace REF ] PROGRAM

{CGROUP}{REFERENCE}{PROGRAM}
TYPE is known from sections like sockops, cgroup_skb/ingress and cgroup/connect4; "pytc cgroup help" lists them.
Without a section, that of TYPE is taken, or the only program of the object.

multi      beside other programs, here and in the cgroups above and below {{multi}}
override   alone here; a cgroup below may have one in its place
exclusive  alone here, and none in the cgroups below; takes the place of one that is there
link       by a link, pinned at PATH; always multi
owner      by a link, pinned below m:owners/NAME: "pytc link detach owner NAME" removes it
replace    takes the place of another program, in one step; of one with a link: the link goes on with PROGRAM
"""

WORDS = (
    *TYPE_WORDS,
    Word("multi", "sharing", value="multi", exact=True),
    Word("override", "sharing", value="override", exact=True),
    Word("exclusive", "sharing", value="exclusive", exact=True),
    Word("link", "link", text, exact=True),
    OWNER,
    Word("replace", "old", read=take_reference, exact=True),
)

# These types of programs go with a single attach type.
_ONLY_TYPES = {
    ProgramType.SOCK_OPS: "sock_ops",
    ProgramType.CGROUP_DEVICE: "device",
    ProgramType.CGROUP_SYSCTL: "sysctl",
}


class AttachCgroup(Attaching):
    """A program to attach to a cgroup.

    ``attach`` is the word of an attach type, empty for that of the program's section; ``link`` the path of a pin for
    the link, empty for a plain attachment, which with an ``owner`` is among the owner's; ``old`` the program that is
    replaced.
    """

    cgroup: CgroupName
    source: BpfSource
    attach: str = ""
    sharing: Sharing = "multi"
    link: str = ""
    old: Reference | None = None
    owner: str = ""


def parse(cursor: Cursor) -> AttachCgroup:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    cgroup = take_cgroup(cursor)
    fields: dict[str, Any] = {}
    source = take_program(cursor, WORDS, fields, "cgroup attach")
    check_owner(fields)
    command = AttachCgroup(cgroup, source, **fields)
    if (command.link or command.owner) and (command.sharing != "multi" or command.old is not None):
        raise UsageError('a link goes with multi only, and not with replace: "replace link PATH" keeps a link')
    if command.old is not None and command.sharing != "multi":
        raise UsageError('"replace" goes with multi only')
    return command


def desire(context: Context, command: AttachCgroup, programs: Programs) -> Wanted:
    """Return the program that the cgroup should have; raises UsageError, AttachError, BpfError and its kin."""
    from pytc.commands.shared.desired_attachments import WantedAttachment

    if command.old is not None:
        raise UsageError('"replace" is a change: a desired state names the program that should be there')
    cgroup = Cgroup(command.cgroup)
    with cgroup:
        cgroup.check()
    request = _program_request(command)
    with open_program(context, request) as opened:
        hook, attach = CgroupHook(cgroup, attach_type_of(command.attach, opened.single)), partial(run, command=command)
        return WantedAttachment(
            context,
            "cgroup",
            hook,
            request,
            opened.single,
            programs,
            attach,
            link=_link(context, command, hook, opened.single),
            sharing=command.sharing,
        )


def run(context: Context, command: AttachCgroup) -> None:
    """Load and attach the program, then export its maps; when that fails, detach it again. Raises AttachError,
    PinError, TransferError, BpfError and its kin."""
    attacher = make_attacher(context)
    with Cgroup(command.cgroup) as cgroup:
        attacher.check(cgroup, command.link)
        if command.old is not None:
            _replace(context, attacher, cgroup, command, command.old)
            return
        with open_program(context, _program_request(command)) as programs:
            hook = CgroupHook(cgroup, attach_type_of(command.attach, programs.single))
            link = _link(context, command, hook, programs.single)
            detach = attacher.attach(hook, programs.single, sharing=command.sharing, link=link)
            failure = programs.export_or_undo(detach)
        if failure is not None:
            raise failure


def _link(context: Context, command: AttachCgroup, hook: CgroupHook, program: OpenedProgram) -> str:
    """Return the path of the link's pin, empty for no link."""
    if not command.owner:
        return command.link
    return owned_path(command.owner, *hook.label.split(), declared_name(context, command.source, program))


def _replace(context: Context, attacher: Attacher, cgroup: Cgroup, command: AttachCgroup, old: Reference) -> None:
    with open_replacement(context, _program_request(command)) as program:
        hook = CgroupHook(cgroup, attach_type_of(command.attach, program))
        attacher.replace(hook, attacher.choose(hook, old), program, sharing=command.sharing)


def _program_request(command: AttachCgroup) -> ProgramRequest:
    type = ATTACH_TYPES.get(command.attach)
    if type is None:
        return ProgramRequest(command.source, ProgramType.UNSPEC, ())
    return ProgramRequest(command.source, type.program, type.sections, type.number)


def attach_type_of(word: str, program: OpenedProgram) -> CgroupAttachType:
    """Return the attach type that a word names, for an empty one that of the program's section; raises
    AttachError."""
    if word:
        return ATTACH_TYPES[word]
    if program.type in _ONLY_TYPES:
        return ATTACH_TYPES[_ONLY_TYPES[ProgramType(program.type)]]
    possible = [point for point in ATTACH_TYPES.values() if point.program == program.type]
    if not program.annotation.endswith("[cgroup/skb]"):  # whose attach type 0, ingress, only means that none is given
        for point in possible:
            if point.number == program.attach_type:
                return point
    if not possible:
        raise AttachError(
            f"{program.annotation} is a program of type {program_type_name(program.type)}, which does "
            "not go to a cgroup",
            hints=(f"attach types: {' '.join(ATTACH_TYPES)}",),
        )
    words = " ".join(point.word for point in possible)
    raise AttachError(f"{program.annotation} does not say where it belongs; name it: {words}")
