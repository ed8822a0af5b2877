"""All lines of tests/compat/lines, by tc and by pytc. What a kernel lacks is in tests/vm, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compat.lines import Session, all_sessions
from tests.compat.twins import Sides, all_sides, play
from tests.conftest import EXAMPLES, Compiler
from tests.needs import missing
from tests.processes import cannot

pytestmark = [pytest.mark.kernel, pytest.mark.compat]


@pytest.fixture(scope="module")
def both() -> Iterator[Callable[[str], Sides]]:
    with all_sides() as made:
        yield made


@pytest.fixture
def files(build: Compiler, tmp_path: Path) -> dict[str, str]:
    """Return the files that stand for words of the tables."""
    (tmp_path / "code").write_text("1,6 0 0 7\n")
    (tmp_path / "names").write_text("1:1 gold\n1:3 bronze\n1:20 silver\n")
    return {"OBJECT": str(EXAMPLES / "traffic.o"), "CODE": str(tmp_path / "code"), "NAMES": str(tmp_path / "names")}


@pytest.mark.parametrize("session", all_sessions(), ids=str)
def test_sessions(root: None, both: Callable[[str], Sides], files: dict[str, str], session: Session) -> None:
    """Exit codes, outputs, and the kernel's state."""
    if lack := missing(session.needs):
        (pytest.skip if session.elsewhere else cannot)(f"{lack}: tests/vm has the test")
    made = both(session.tc)
    made.prepare(session)
    play(made, session, files)
