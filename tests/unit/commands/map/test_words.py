"""The words of ``pytc map``: what they mean, and what is wrong with them. Nothing here needs a kernel."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.cli.completion import complete
from pytc.cli.progress import Bar
from pytc.cli.usage import topics, usage
from pytc.commands.dispatch import parse_words
from pytc.commands.map import VERBS
from pytc.commands.map.delete import DeleteElements
from pytc.commands.map.dump import DumpMap
from pytc.commands.map.events import ReadEvents
from pytc.commands.map.get import GetElement
from pytc.commands.map.load import LoadMap
from pytc.commands.map.next import NextKey
from pytc.commands.map.peek import PeekValue
from pytc.commands.map.pin import PinMap
from pytc.commands.map.pop import PopValues
from pytc.commands.map.push import PushValues
from pytc.commands.map.set import Change, SetElement
from pytc.commands.map.show import ShowMaps
from pytc.commands.map.unpin import UnpinMap
from pytc.commands.map.update_many import UpdateElements
from pytc.commands.map.watch import WatchMap
from pytc.commands.map.words import Target
from pytc.commands.monitor.watch import Monitor
from pytc.commands.shared.command import Command, Help
from pytc.commands.shared.verbs import verb_module, verb_word
from pytc.errors import HelpRequested, PytcError, UsageError

M1 = Target("map", "1")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("map", ShowMaps()),
        ("map show", ShowMaps()),
        ("map ls id 7", ShowMaps(Target("id", "7"))),
        ("map get map 1 key 7", GetElement(M1, "7")),
        ("map g m 1 key 7 sum lock", GetElement(M1, "7", sum=True, lock=True)),
        ("map get fd 5 key key value.a[2]", GetElement(Target("fd", "5"), "key", ".a[2]")),
        ("map get name x keytype ip4 key 1.2.3.4", GetElement(Target("name", "x", "ip4"), "1.2.3.4")),
        ("map set map 1 key 7 value 8", SetElement(M1, "7", "8")),
        (
            "map set map 1 value { a 1 b { c [ 1 2 ] } } noexist",
            SetElement(M1, None, {"a": "1", "b": {"c": ["1", "2"]}}, flags=1),
        ),
        ("map set map 1 key hex 0a 0x0b value hex 00ff exist", SetElement(M1, b"\x0a\x0b", b"\0\xff", flags=2)),
        ("map set map 1 key 1 value id 5", SetElement(M1, "1", {"id": "5"})),
        ("map set map 1 key 1 value id noexist", SetElement(M1, "1", "id", flags=1)),
        ("map set map 1 key 1 value pinned /x", SetElement(M1, "1", {"pinned": "/x"})),
        ("map set key 1 value pinned pinned m:x", SetElement(Target("pinned", "m:x"), "1", "pinned")),
        ("map set map 1 key 1 value obj a.o", SetElement(M1, "1", {"obj": "a.o"})),
        ("map update map 1 key 1 0 0 0 value 0xe8 0x03 any", UpdateElements(M1, ((b"\1\0\0\0", b"\xe8\x03"),))),
        ("map set map 1 key hex 1 0 value 255 0", SetElement(M1, b"\1\0", b"\xff\0")),
        ("map lookup map 1 key 10 0", GetElement(M1, b"\n\0")),
        ("map dump map 1 keyt ip4 val u32", DumpMap(M1.replace(key_type="ip4", value_type="u32"))),
        ("map set map 1 key 256 value 0x100", SetElement(M1, "256", "0x100")),
        ("map getnext map 1 key 7", NextKey(M1, "7")),
        ("map enqueue map 1 value 7 0", PushValues(M1, (b"\7\0",))),
        ("map dequeue map 1", PopValues(M1)),
        ("map set map 1 key hex value hex", SetElement(M1, "hex", "hex")),
        ("map set map 1 key 7 value += 1", SetElement(M1, "7", changes=(Change("", "+=", "1"),))),
        (
            "map set map 1 key 7 value.a = 1 value.b[0] |= 2 lock",
            SetElement(M1, "7", changes=(Change(".a", "=", "1"), Change(".b[0]", "|=", "2")), lock=True),
        ),
        (
            "map set map 1 value += 1 value.a = 2",
            SetElement(M1, changes=(Change("", "+=", "1"), Change(".a", "=", "2"))),
        ),
        (
            "map set map 1 valuetype { u64 a, u32 b } value 1",
            SetElement(Target("map", "1", "", "{ u64 a, u32 b }"), None, "1"),
        ),
        ("map set map 1 valuetype struct sums value 1", SetElement(Target("map", "1", "", "struct sums"), None, "1")),
        ("map update-many map 1 key 1 value 2 key 3 value 4", UpdateElements(M1, (("1", "2"), ("3", "4")))),
        ("map update map 1 key 1 value 2 exist", UpdateElements(M1, (("1", "2"),), 2)),
        ("map delete map 1 key 1 key 2", DeleteElements(M1, ("1", "2"))),
        ("map del map 1 all", DeleteElements(M1, all=True)),
        ("map dump pinned m:globals/x csv sum", DumpMap(Target("pinned", "m:globals/x"), csv=True, sum=True)),
        ("map load map 1 file.csv", LoadMap(M1, "file.csv")),
        ("map load map 1 - json", LoadMap(M1, "-", "json")),
        ("map load map 1 csv file csv", LoadMap(M1, "csv", "csv")),
        ("map next map 1", NextKey(M1)),
        ("map next map 1 key 7", NextKey(M1, "7")),
        ("map watch map 1 interval 500ms count 2", WatchMap(M1, 0.5, 2)),
        ("map watch map 1 interval 1.5m", WatchMap(M1, 90.0)),
        ("map pin id 3 /sys/fs/bpf/x", PinMap(Target("id", "3"), "/sys/fs/bpf/x")),
        ("map pin id 3 path help", PinMap(Target("id", "3"), "help")),
        ("map unpin m:x", UnpinMap("m:x")),
        ("map unpin pinned /x", UnpinMap("/x")),
        ("map push map 1 value 1 value 2 exist", PushValues(M1, ("1", "2"), 2)),
        ("map pop map 1", PopValues(M1)),
        ("map pop map 1 all", PopValues(M1, 0)),
        ("map pop map 1 count 3", PopValues(M1, 3)),
        ("map peek map 1", PeekValue(M1)),
        (
            "map events map 1 type struct event object x.o count 5 timeout 2s",
            ReadEvents(Target("map", "1", "", "struct event"), 5, 2.0, None, "x.o"),
        ),
        ("map events map 1 for 500ms", ReadEvents(M1, duration=0.5)),
        ("map watch map 1 rate", WatchMap(M1, rate=True)),
        ("map dump map 1 hist", DumpMap(M1, histogram=True)),
        ("map help", Help("map")),
        ("ma show", ShowMaps()),
    ],
)
def test_words(line: str, command: Command) -> None:
    assert parse_words(line.split()) == command


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("map bogus", 'Command "bogus" is unknown'),
        ("map get key 1", "which map"),
        ("map get map", "not complete"),
        ("map get map 1 id 2", "duplicate"),
        ("map get map 1 key", "not complete"),
        ("map get map 1 what", 'What is "what"'),
        ("map set map 1 key 1", "give either a value or changes"),
        ("map set map 1 value 1 value.a = 2", "give either a value"),
        ("map set map 1 value.a 2", 'expected after "value.a"'),
        ("map set map 1 key { a 1", "not complete"),
        ("map set map 1 key { a 1 a 2 }", "a member has one value"),
        ("map set map 1 key [ 1", "not complete"),
        ("map set map 1 key " + "[ " * 40, "nested too deeply"),
        ("map get map 1 value.a value.b", "second part"),
        ("map update-many map 1 key 1", "1 keys and 0 values"),
        ("map update-many map 1", "0 keys"),
        ("map delete map 1", "give either keys"),
        ("map delete map 1 key 1 all", "give either keys"),
        ("map load map 1", '"path" is needed'),
        ("map load map 1 a.csv b.csv", 'What is "b.csv"'),
        ("map pin id 1", '"path" is needed'),
        ("map unpin", "not complete"),
        ("map unpin /x /y", "What is"),
        ("map push map 1", '"value" is needed'),
        ("map pop map 1 count x", "invalid count"),
        ("map watch map 1 interval x", "invalid time"),
        ("map watch map 1 interval 1.2.3", "invalid time"),
        ("map events map 1 timeout -1", "invalid time"),
        ("map push map 1 key 0 value 5", 'Error: "map push" takes no key; keytype gives the type of keys.'),
        ("map enqueue map 1 key 0 value 5", '"map enqueue" takes no key'),
        ("map delete map 1 key 1 value 5", '"map delete" takes no value; valuetype gives the type of values'),
        ("map events map 1 value 5", '"map events" takes no value'),
        ("map update map 1 key 1 0 0 0 value 256 0 0 0", 'Error: "256" is not a byte'),
        ("map update map 1 key 1 0 300 0 value 1", 'Error: "300" is not a byte'),
        ("map update map 1 key 00 01 value 1", 'Error: "00" is not a byte'),
        ("map set map 1 key 1 value -1 0", 'Error: "-1" is not a byte'),
        ("map set map 1 key 1 value 0x100 0", 'Error: "0x100" is not a byte'),
        ("map get map 1 valuetype { u32 a", "not complete"),
        ("map set map 1 value 1 any exist", "duplicate"),
    ],
)
def test_wrong_words(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_words(line.split())


@given(
    st.lists(
        st.sampled_from(
            [
                "map",
                "get",
                "set",
                "dump",
                "load",
                "1",
                "key",
                "value",
                "value.a",
                "+=",
                "{",
                "}",
                "[",
                "]",
                "hex",
                "id",
                "0a",
                "sum",
                "keytype",
                "valuetype",
                "struct",
                "count",
                "x",
            ]
        ),
        max_size=10,
    )
)
def test_any_words_are_a_command_or_an_error(words: list[str]) -> None:
    try:
        parse_words(["map", *words])
    except (UsageError, HelpRequested) as error:
        assert isinstance(error, PytcError)


@pytest.mark.parametrize("verb", [*map(verb_word, VERBS.values())])
def test_each_verb_has_its_help(verb: str) -> None:
    assert f"map {verb}" in topics()
    assert usage(f"map {verb}").startswith("Usage: pytc map ")
    for line in (f"map {verb} help", f"map {verb} map 1 help"):
        if verb in ("create", "resize", "unpin") and "1" in line:  # a path stands there
            continue
        with pytest.raises(HelpRequested) as request:
            parse_words(line.split())
        assert request.value.topic == f"map {verb}"


def test_tcs_own_objects_come_first() -> None:
    for line in ("m", "mo"):
        assert parse_words([line]) == Monitor()


def test_completion() -> None:
    assert "update-many" in complete(["map"], "").words
    assert {"fd", "map", "pinned", "key", "sum"} <= set(complete(["map", "get"], "").words)
    assert "csv" not in complete(["map", "dump", "id", "1", "csv"], "").words
    assert all(
        getattr(verb_module("pytc.commands.map", verb), "WORDS", ()) for verb in VERBS.values() if verb != "unpin"
    )


class TestProgress:
    def test_is_quiet_for_the_first_second(self) -> None:
        out = io.StringIO()
        bar = Bar(out)
        bar(1, 10)
        bar(10, 10)
        assert out.getvalue() == ""

    def test_is_drawn_then_and_taken_away_at_the_end(self) -> None:
        out, now = io.StringIO(), [0.0]
        bar = Bar(out, clock=lambda: now[0])
        now[0] = 1.5
        bar(5, 10)
        bar(6, 10)  # too soon after the last time
        assert out.getvalue() == "\r[####################....................]  50% 5"
        now[0] = 2.0
        bar(7, 0)
        assert out.getvalue().endswith("\r7")
        bar(10, 10)
        assert out.getvalue().endswith("\r\x1b[K")
        bar.clear()
        assert out.getvalue().count("\x1b") == 1

    def test_is_quiet_once_it_is_muted(self) -> None:
        out, now = io.StringIO(), [0.0]
        bar = Bar(out, clock=lambda: now[0])
        bar.mute()
        now[0] = 9.0
        bar(5, 10)
        assert out.getvalue() == ""
        bar.restart()
        bar(5, 10)
        assert out.getvalue() == ""
        now[0] = 11.0
        bar(5, 10)
        assert "50%" in out.getvalue()
        bar.restart()
        assert out.getvalue().endswith("\x1b[K")
