"""Actions as words, for tests of what is understood and sent: those of the tables of tests/compat/lines."""

from __future__ import annotations

from tests.compat.lines import Session, sessions, steps

_ADD = "actions add action "
_SESSIONS = {session.title: session for session in sessions("actions")}


def _added(session: Session) -> tuple[str, ...]:
    return tuple(
        step.commands[0].removeprefix(_ADD)
        for step in session.steps
        if step.commands[0].startswith(_ADD) and not step.wrong
    )


#: Right lines, which the kernel takes too; each action has an index of its own.
BY_KIND: dict[str, tuple[str, ...]] = {
    kind: _added(_SESSIONS[f"actions of {kind}"]) for kind in ("mirred", "csum", "skbedit", "vlan", "police")
}

#: Right lines of kinds that only the newest tc sends as pytc does, or that few kernels have.
OTHERS: dict[str, tuple[str, ...]] = {
    session.title.removeprefix("actions of "): _added(session)
    for session in sessions("other_actions")
    if session.title.startswith("actions of ")
}

#: Right lines that the kernel refuses when the index names nothing, or outside of a filter.
REFUSED = _added(_SESSIONS["actions that the kernel refuses"])

#: Wrong lines, and what stderr has to name; none of them gets as far as the kernel.
WRONG = tuple(
    (step.commands[0].removeprefix("actions add "), step.named)
    for step in steps("actions-wrong")
    if step.commands[0].startswith("actions add ")
)


def added(kind: str) -> list[str]:
    """The lines of a kind as commands."""
    return [_ADD + line for line in BY_KIND[kind]]
