"""An action as the words of a command name it."""

from __future__ import annotations

from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.shared.programs import BpfSource


class ActionOptions(Value):
    """The words of an action of some kind; kinds override the properties with fields, which need defaults."""

    @property
    def number(self) -> int:
        """The index, 0 for one that the kernel chooses."""
        return 0

    @property
    def source(self) -> BpfSource | None:
        """The program to run."""
        return None


class Action(Value):
    """An action of a filter, or one of its own.

    ``flags`` are TCA_ACT_FLAGS_*; ``hw_stats`` TCA_ACT_HW_STATS_* (0: disabled), None for the kernel's default.
    """

    kind: str
    options: ActionOptions
    cookie: bytes = b""
    flags: int = 0
    hw_stats: int | None = None
