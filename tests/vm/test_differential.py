"""The lines of tests/compat/lines for kinds that some kernels lack: what tests/compat/test_differential.py does."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.compat.lines import Session, all_sessions
from tests.compat.twins import Options, Sides, play, sides

pytestmark = pytest.mark.kernel

OPTIONS = Options(("-s -d", "-j -s -d"), ("", "-j"), 0, patient=True)


@pytest.fixture(scope="module")
def both() -> Iterator[Sides]:
    with sides() as made:
        yield made


def merged() -> Iterator[Session]:
    """Those whose steps have devices of their own are one session, because a new namespace takes its time here."""
    chosen = [session for session in all_sessions() if session.elsewhere]
    alike: dict[tuple[object, ...], list[Session]] = {}
    for number, session in enumerate(chosen):
        alone = not all(step.has_device for step in session.steps)
        alike.setdefault((number if alone else -1, session.raw, session.each), []).append(session)
    for several in alike.values():
        kinds = tuple(dict.fromkeys(kind for session in several for kind in session.kinds))
        yield Session(
            ", ".join(session.title for session in several),
            kinds,
            several[0].each,
            tuple(step for session in several for step in session.steps),
        )


@pytest.mark.parametrize(
    "session", [pytest.param(one, marks=pytest.mark.needs(*one.needs), id=str(one)) for one in merged()]
)
def test_sessions(both: Sides, objects: Callable[[str], str], session: Session) -> None:
    """Exit codes, outputs, and the kernel's state."""
    both.prepare(session)
    play(both, session, {"ACTIONS": objects("action_programs")}, OPTIONS)
