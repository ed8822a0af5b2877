"""News of every kind with each of its words can be shown: a request is what the kernel repeats of it."""

from __future__ import annotations

import json

import pytest

from docs.manual.words import places
from pytc.cli.command_line import parse_options
from pytc.cli.execute import Runner
from pytc.commands.dispatch import parse_words
from pytc.commands.monitor.watch import event
from pytc.netlink.messages import TcMessage
from pytc.render.documents import Display
from pytc.render.json import render as render_json
from pytc.render.text import render
from pytc.transaction.plan import Plan

_NEEDS_FILE = {"FILE", "CODE", "PIN", "PATH", "NEW"}


def requests(line: list[str]) -> list[TcMessage]:
    options, words = parse_options(["lo" if word == "em1" else word for word in line])
    plan = Plan(is_preflight=True)
    with Runner(options, plan=plan) as runner:
        runner.plan(parse_words(words))
        return [*plan.messages]


@pytest.mark.parametrize("section", ["Qdiscs", "Classes", "Filters", "Actions"])
def test_each_word(section: str) -> None:
    lines = [(place.kind, place.line(entry)) for place in places(section) for entry in place.entries]
    lines = [(kind, line) for kind, line in lines if not _NEEDS_FILE & set(line)]
    assert lines
    for kind, line in lines:
        [message] = requests(line)
        document = event(message, Display())
        assert document is not None, line
        assert kind in render([document]).lower(), line
        json.loads(render_json([document]))
