"""Errors as JSON: their members, and the kinds that the reference lists."""

from __future__ import annotations

import inspect
import json
import re

import pytest

from pytc import errors
from pytc.errors import NetlinkError, PytcError, VerifierError
from pytc.render.errors import as_json
from tests.processes import ROOT

MEMBERS = ["error", "details", "kind", "errno", "exit_status", "causes"]
CLASSES = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, PytcError)]


def test_members() -> None:
    shown = json.loads(as_json(NetlinkError(2, "no such thing", hints=("look",)), 2))
    assert list(shown) == MEMBERS
    assert shown == {
        "error": "Error: no such thing.",
        "details": [],
        "kind": "Netlink",
        "errno": "ENOENT",
        "exit_status": 2,
        "causes": ["look"],
    }
    refused = json.loads(as_json(VerifierError("cls", 22, "no", log="words", source="x.c:3"), 1))
    assert {*MEMBERS, "program", "source", "log"} <= {*refused}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_kinds_are_documented(kind: type[PytcError]) -> None:
    page = (ROOT / "docs" / "python.md").read_text().partition("## pytc.errors")[2]
    assert re.search(rf"^ *- `{kind.__name__}`: ", page, re.MULTILINE)
