"""``export``: the maps of a command's objects, handed over once the kernel has taken its filter or actions.

The way is looked at before anything is loaded, so that little can go wrong at the end. When it does nevertheless, the
command takes back what it added. What took the place of something else stays: the former program is gone, and nothing
in its place would be worse.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from pytc.commands.shared.context import Context
from pytc.errors import PytcError, TransferError
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.programs import BpfSource

if TYPE_CHECKING:
    from pytc.bpf.maps.map import Map
    from pytc.exec_proxy.map_transfer import Exporter

_VARIABLE = "TC_BPF_UDS"


class Export(NamedTuple):
    """The maps of an object, and who gets them."""

    exporter: "Exporter"
    path: str
    maps: "Mapping[str, Map]"


class OpenedPrograms(list[OpenedProgram | None]):
    """The open programs of one command, and what it exports of them."""

    def __init__(self, count: int) -> None:
        super().__init__([None] * count)
        self.exports: list[Export] = []

    def export(self) -> None:
        """Hands the maps over; raises TransferError."""
        from pytc.exec_proxy.map_transfer import identify

        for one in self.exports:
            one.exporter.send(identify(one.path), one.maps.values())

    def export_or(self, take_back: Callable[[], None] | None) -> BaseException | None:
        """The same; when it fails, ``take_back`` undoes what the command did, and the error is raised. With None for
        it, what was done stays, and the error is returned, for whoever keeps what belongs to that."""
        try:
            self.export()
        except BaseException as error:
            if take_back is None:
                if isinstance(error, PytcError):
                    error.with_hints("the replacement stays in place; the command can be run again")
                return error
            _undo(take_back, error)
            raise
        return None


def _undo(take_back: Callable[[], None], error: BaseException) -> None:
    try:
        take_back()
    except PytcError as other:
        if isinstance(error, PytcError):
            error.with_hints(f"cannot remove what was added: {other}")


@contextmanager
def exporters(context: Context, sources: Sequence[BpfSource]) -> "Iterator[Sequence[Exporter]]":
    """Connections to where the maps of one object go: the paths that are given with any of its programs, else that of
    the environment. Raises TransferError."""
    paths = list(dict.fromkeys(source.export for source in sources if source.export))
    if not paths and (path := context.environment.get(_VARIABLE)):
        paths = [path]
    with ExitStack() as stack:
        yield [stack.enter_context(_connected(path)) for path in paths]


def _connected(path: str) -> "Exporter":
    from pytc.exec_proxy.map_transfer import Exporter  # only now: most commands export nothing

    return Exporter(path)


def exports(connected: "Sequence[Exporter]", source: BpfSource, maps: "Mapping[str, Map]") -> list[Export]:
    """What is to be sent; raises TransferError where maps were asked for that there are not."""
    if not maps and source.export:
        raise TransferError(f'"{source.path}" has no maps to export')
    return [Export(exporter, source.path, maps) for exporter in connected if maps]
