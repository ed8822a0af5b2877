"""The lines of tests/compat/lines for kinds that some kernels lack: what tests/compat/test_differential.py does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.compat.lines import Session, all_sessions
from tests.compat.twins import Options, Sides, all_sides, play
from tests.needs import missing

pytestmark = pytest.mark.kernel

OPTIONS = Options(("-s -d", "-j -s -d"), ("", "-j"), 0, patient=True)


@pytest.fixture(scope="module")
def both() -> Iterator[Callable[[str], Sides]]:
    with all_sides() as made:
        yield made


def merged() -> dict[str, list[Session]]:
    """Return sessions by title.

    Those whose steps have devices of their own go together, because a new namespace takes its time here.
    """
    alike: dict[tuple[object, ...], list[Session]] = {}
    for number, session in enumerate(session for session in all_sessions() if session.elsewhere):
        alone = not all(step.has_device for step in session.steps)
        alike.setdefault((number if alone else -1, session.raw, session.each, session.tc), []).append(session)
    return {", ".join(session.title for session in several): several for several in alike.values()}


@pytest.mark.parametrize("several", [pytest.param(several, id=title) for title, several in merged().items()])
def test_sessions(both: Callable[[str], Sides], objects: Callable[[str], str], several: list[Session]) -> None:
    """Exit codes, outputs, and the kernel's state, of the sessions whose kinds this kernel has."""
    lacks = {session.title: missing(session.needs) for session in several}
    chosen = [session for session in several if not lacks[session.title]]
    if not chosen:
        pytest.skip(next(iter(lacks.values())))
    session = chosen[0]._replace(
        title=", ".join(session.title for session in chosen),
        kinds=tuple(dict.fromkeys(kind for session in chosen for kind in session.kinds)),
        steps=tuple(step for session in chosen for step in session.steps),
    )
    made = both(session.tc)
    made.prepare(session)
    play(made, session, {"ACTIONS": objects("action_programs")}, OPTIONS)
