"""What a line of a desired state asks for besides traffic control: attached programs, and elements of maps.

The module of a verb that can state one has ``desire(context, command, programs)``, beside ``run``.
"""

from __future__ import annotations

from pytc.typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Literal

    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.interface import OpenedProgram
    from pytc.tc.kinds.shared.programs import MapWords

    Difference = Literal["created", "changed", "unchanged"]


class Programs(Protocol):
    """Compares programs that a file would load with loaded ones."""

    def is_loaded(self, program: OpenedProgram, number: int) -> bool:
        """Report whether the program with that id is what loading the other would give."""
        ...

    def shared_maps(self, program: OpenedProgram, number: int) -> Iterable[MapWords]:
        """Return the words by which a new program goes on with the maps of the one with that id."""
        ...


class Wanted(Protocol):
    """A part of a desired state."""

    @property
    def label(self) -> str:
        """Words that say which it is: its sort, then where it is."""
        ...

    @property
    def lost(self) -> str:
        """What could not be taken back if a later step failed; empty for nothing."""
        ...

    def difference(self) -> Difference:
        """Compare it with what exists; raises PytcError."""
        ...

    @property
    def target(self) -> object:
        """What other lines may set parts of, too, like a map, once :meth:`difference` has found it; None for what is
        one line's alone."""
        ...

    def parts(self) -> Iterable[tuple[object, object]]:
        """Yield each part of the target that it sets, and the value that the part gets; raises PytcError."""
        ...

    def carry_out(self, context: Context) -> None:
        """Make it what it should be, as far as it differs; the context's journal takes it back. Raises PytcError."""
        ...


class Desirable(Protocol):
    """The module of a verb that can state what should exist."""

    def desire(self, context: Context, command: Any, programs: Programs) -> Wanted:
        """Return what a command asks for, in a context that plans; raises PytcError for one that states nothing."""
        ...
