"""``--install-alias``: a link by which tc is pytc."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.processes import SOURCE, Outcome, run


@pytest.fixture
def command(tmp_path: Path) -> str:
    """An executable pytc, as pip makes it."""
    path = tmp_path / "with space" / "pytc"
    path.parent.mkdir()
    path.write_text(
        f"#!/bin/sh\n'''exec' {sys.executable} \"$0\" \"$@\"\n' '''\n"
        "import sys\nfrom pytc.cli.main import run_process\nsys.exit(run_process())\n"
    )
    path.chmod(0o755)
    return str(path)


def install(command: str, directory: Path, *options: str) -> Outcome:
    return run(command, *options, "--install-alias", str(directory), env=SOURCE)


def test_by_its_name_tc_is_pytc(tmp_path: Path, command: str) -> None:
    done = install(command, tmp_path)
    link = tmp_path / "tc"
    assert (done.status, done.err) == (0, "")
    assert link.readlink() == Path(command)
    assert f"export PATH={tmp_path}:$PATH" in done.out
    env = {**SOURCE, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert run("sh", "-c", "tc -V", env=env) == (0, run(command, "-V", env=SOURCE).out, "")
    assert run("sh", "-c", "tc foo", env=env).status == 255
    assert run("sh", "-c", "tc cbpf compile as tc ''", env=env).status in (0, 1)
    assert "PATH finds it first" in run("sh", "-c", f"tc --install-alias {tmp_path}", env=env).out
    assert link.readlink() == Path(command), "by the alias as by the command itself"


def test_as_json(tmp_path: Path, command: str) -> None:
    [said] = json.loads(install(command, tmp_path, "-j").out)
    assert said == {"link": f"{tmp_path}/tc", "target": command, "path": f"export PATH={tmp_path}:$PATH"}


def test_a_link_of_its_own_is_renewed(tmp_path: Path, command: str) -> None:
    (tmp_path / "tc").symlink_to("/somewhere/else/pytc")
    assert install(command, tmp_path).status == 0
    assert (tmp_path / "tc").readlink() == Path(command)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tc", "with space"]


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("mine"),
        lambda path: path.symlink_to("/usr/sbin/tc"),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("/nonexistent"),
    ],
)
def test_what_is_not_its_own_stays(tmp_path: Path, command: str, make: object) -> None:
    path = tmp_path / "tc"
    make(path)  # type: ignore[operator]
    before = os.lstat(path)
    done = install(command, tmp_path)
    assert (done.status, done.out) == (1, "")
    assert "stays as it is" in done.err
    assert os.lstat(path) == before or stat.S_ISLNK(before.st_mode)
    assert os.path.lexists(path)


def test_directories_that_do_not_do(tmp_path: Path, command: str) -> None:
    done = install(command, tmp_path / "nosuch")
    assert (done.status, "No such file" in done.err) == (1, True)
    assert run(command, "--install-alias", env=SOURCE).status == 255
    assert run(command, "--install-alias", str(tmp_path), "qdisc", "show", env=SOURCE).status == 255
    assert not (tmp_path / "tc").exists()
