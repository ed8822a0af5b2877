"""The open programs of a command, and ``export``: their maps, sent once the kernel has taken its filter or actions.

The way is looked at before anything is loaded, so that little can go wrong at the end. When it does nevertheless, the
command takes back what it added. What took the place of something else stays: the former program is gone, and nothing
in its place would be worse.
"""

from __future__ import annotations

import os

from pytc.contexts import ExitStack, contextmanager
from pytc.errors import AnswerLostError, PytcError, TransferError
from pytc.tc.kinds.interface import OpenedProgram
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytc.bpf.maps.map import Map
    from pytc.bpf.sys.constants import ProgramType
    from pytc.exec_proxy.map_transfer import Exporter
    from pytc.tc.kinds.shared.programs import BpfSource

_VARIABLE = "TC_BPF_UDS"
_PINNED_ANNOTATION = "[*fsobj]"
_MAX_ANNOTATION = 255


class ProgramRequest(NamedTuple):
    """A program to be opened: where it comes from, and what it is loaded as.

    ``type`` UNSPEC means what its section says; ``attach_type`` is the expected one, None for what its section says.
    """

    source: BpfSource | None
    type: ProgramType
    default_section: str | tuple[str, ...]
    attach_type: int | None = None


class Export(NamedTuple):
    """The maps of an object, and their receiver; ``entry_size`` is 0 for the one that it is likely to expect."""

    exporter: Exporter
    path: str
    maps: Mapping[str, Map]
    entry_size: int = 0


class OpenedPrograms(list[OpenedProgram | None]):
    """The open programs of one command, in the order in which they were wanted, and its exports."""

    def __init__(self, count: int) -> None:
        super().__init__([None] * count)
        self.exports: list[Export] = []

    @property
    def single(self) -> OpenedProgram:
        """The only program of a command that has just one."""
        (program,) = self
        assert program is not None
        return program

    def export(self) -> None:
        """Send the maps; raises TransferError."""
        from pytc.exec_proxy.map_transfer import identify

        for export in self.exports:
            export.exporter.send(identify(export.path), export.maps.values(), entry_size=export.entry_size)

    def export_or_undo(self, undo: Callable[[], None] | None) -> BaseException | None:
        """Send the maps; when that fails, call ``undo`` to undo what the command did, and raise the error.

        With None for it, and where undoing fails, what was done stays, and the error is returned: callers keep the pins
        that belong to it, and raise the error then.
        """
        try:
            self.export()
        except BaseException as error:
            if undo is None:
                if isinstance(error, PytcError):
                    error.with_hints("the replacement stays in place; the command can be run again")
                return error
            if not _undo(undo, error):
                return error
            raise
        return None


def _undo(undo: Callable[[], None], error: BaseException) -> bool:
    try:
        undo()
    except PytcError as other:
        if isinstance(error, PytcError):
            is_unsure = isinstance(other, AnswerLostError) and other.may_be_done
            problem = "not known whether what was added is removed" if is_unsure else "cannot remove what was added"
            error.with_hints(f"{problem}: {other}; the pins of its maps stay")
        return False
    return True


@contextmanager
def exporters(sources: Sequence[BpfSource], environment: Mapping[str, str]) -> Iterator[Sequence[Exporter]]:
    """Connect to where the maps of one object go; raises TransferError."""
    with ExitStack() as stack:
        yield [stack.enter_context(_connect(path)) for path in export_paths(sources, environment)]


def export_paths(sources: Sequence[BpfSource], environment: Mapping[str, str]) -> list[str]:
    """Return the paths of sockets that the maps of one object go to: those that are given with any of its programs,
    else that of the environment."""
    paths = list(dict.fromkeys(source.export for source in sources if source.export))
    return paths or [path for path in (environment.get(_VARIABLE, ""),) if path]


def _connect(path: str) -> Exporter:
    from pytc.exec_proxy.map_transfer import Exporter  # only now: most commands export nothing

    return Exporter(path)


def exports(connected: Sequence[Exporter], source: BpfSource, maps: Mapping[str, Map]) -> list[Export]:
    """Return what is to be sent; raises TransferError where maps were asked for and there are none."""
    if not maps and source.export:
        raise TransferError(f'"{source.path}" has no maps to export')
    return [Export(exporter, source.path, maps, source.entry_size) for exporter in connected if maps]


def annotation(object_name: str, section: str) -> str:
    """Return the name of a program in dumps."""
    return f"{object_name}:[{section}]"[:_MAX_ANNOTATION]


def pinned_annotation(path: str) -> str:
    """Return the name of a pinned program in dumps."""
    return f"{os.path.basename(path)}:{_PINNED_ANNOTATION}"[:_MAX_ANNOTATION]
