"""Find out what an opened program returns, from its instructions."""

from __future__ import annotations

from pytc.bpf.analyse.returns import Returned, returned_values
from pytc.bpf.analyse.verdicts import may_redirect_to_peer
from pytc.bpf.sys.info import program_by_id, translated_instructions
from pytc.errors import BpfError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.interface import OpenedProgram

#: Each holds the bytes of its object file.
_MOST_CACHED = 8
#: A warning, to be formatted with a program's label.
PEER_AT_EGRESS = (
    "{} calls bpf_redirect_peer, which works at ingress only: at egress, the kernel drops the packets that it redirects"
)


def program_label(program: OpenedProgram) -> str:
    """Return the name of a program in a sentence."""
    return f'program "{program.declaration[1].name}"' if program.declaration is not None else program.annotation


def redirects_to_peer(program: OpenedProgram) -> bool:
    """Return whether a program can call bpf_redirect_peer; False also for one that is not from an object file."""
    if program.declaration is None or not may_redirect_to_peer(program.declaration[0]):
        return False
    from pytc.bpf.analyse.unloaded import peer_redirection

    return peer_redirection(*program.declaration) is not None


def returned_by(context: Context, program: OpenedProgram) -> Returned:
    """Return what an opened program returns; in a dry run, what it would return with the constants of its object.

    A batch often loads one program many times: that is looked at once.
    """
    cached, declaration = context.cache.returned, program.declaration
    if declaration is None:
        return _returned(context, program)
    spec, declared = declaration
    key = spec.path, declared.name
    known = cached.get(key)
    if known is None or known[0] is not spec:
        if len(cached) >= _MOST_CACHED:
            cached.clear()
        known = cached[key] = spec, _returned(context, program)
    return known[1]


def _returned(context: Context, program: OpenedProgram) -> Returned:
    plan = context.connection.plan
    if plan is None:
        return returned_by_fd(program.fd)
    about = plan.description(program.fd)
    if about is not None:
        return returned_by_id(about.id)
    if program.declaration is None:
        return Returned()
    from pytc.bpf.analyse.unloaded import unloaded_values

    return unloaded_values(*program.declaration)


def returned_by_id(number: int) -> Returned:
    """Return what the program with an id returns; unknown where it cannot be looked at."""
    try:
        with program_by_id(number) as descriptor:
            return returned_by_fd(descriptor.fd)
    except BpfError:
        return Returned()


def returned_by_fd(fd: int) -> Returned:
    """Return what a loaded program returns; unknown where it cannot be looked at."""
    try:
        return returned_values(translated_instructions(fd))
    except BpfError:
        return Returned()
