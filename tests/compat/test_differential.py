"""The same commands to tc and to pytc, one after another; and how many there are in all tables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.compat.lines import Session, sessions
from tests.compat.sessions import lacking, play, sides
from tests.conftest import EXAMPLES, Compiler, Network, must, run

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

SESSIONS = sessions("sessions")


@pytest.fixture
def files(build: Compiler, tmp_path: Path) -> dict[str, str]:
    """What stands for words of the table."""
    (tmp_path / "code").write_text("1,6 0 0 7\n")
    (tmp_path / "names").write_text("1:1 gold\n1:3 bronze\n1:20 silver\n")
    return {"OBJECT": str(EXAMPLES / "traffic.o"), "CODE": str(tmp_path / "code"), "NAMES": str(tmp_path / "names")}


@pytest.mark.parametrize("session", SESSIONS, ids=str)
def test_sessions(network: Network, tmp_path: Path, files: dict[str, str], session: Session) -> None:
    """Exit codes, outputs, and the kernel's state."""
    names = (f"{network.name}-one", f"{network.name}-other")
    for name in names:
        must("ip", "netns", "add", name)
    try:
        with sides(names, tmp_path, {**os.environ, **network.env}) as both:
            if kind := lacking(both.tc, session.kinds):
                pytest.skip(f"this kernel has no {kind}: tests/vm has the test")
            play(both, session, files)
    finally:
        for name in names:
            run("ip", "netns", "delete", name)
