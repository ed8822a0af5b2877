"""Look up loaded programs by their ids."""

from __future__ import annotations

from pytc.cpython import lru_cache
from pytc.errors import BpfError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.sys.descriptions import ProgramDescription


def lookup_program(number: int) -> ProgramDescription | None:
    """Return the program with an id; None when it is gone, or this process may not see it (CAP_SYS_ADMIN)."""
    try:
        return _describe(number)
    except BpfError:
        return None


@lru_cache(maxsize=256)  # a program is often attached many times; it does not change, and its id is not used again
def _describe(number: int) -> ProgramDescription:
    from pytc.bpf.sys.info import describe_program, program_by_id

    with program_by_id(number) as descriptor:
        return describe_program(descriptor.fd)
