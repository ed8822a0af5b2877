"""Actions of filters, and those of their own."""

from __future__ import annotations

from pytc.tc.actions.requests import MOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.commands.shared.context import Context
    from pytc.tc.actions.action import Action


def warn_of_too_many(context: Context, actions: Sequence[Action]) -> None:
    """Note which actions the kernel has left out without a word."""
    if len(actions) > MOST:
        context.notes.append(
            f"Warning: the kernel takes {MOST} actions at a time; the last {len(actions) - MOST} of "
            f"these {len(actions)} are not there"
        )
