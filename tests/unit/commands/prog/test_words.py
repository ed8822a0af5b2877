"""The words of ``prog``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.cli.completion import complete
from pytc.cli.usage import usage
from pytc.commands.dispatch import parse_words
from pytc.commands.prog import VERBS
from pytc.commands.prog.dump import DumpProgram
from pytc.commands.prog.inputs import PacketSource
from pytc.commands.prog.pin import PinProgram
from pytc.commands.prog.run import WORDS, Preset, RunOnPackets
from pytc.commands.prog.show import ShowPrograms
from pytc.commands.prog.stats import ProgramStatistics
from pytc.commands.prog.subject import ObjectProgram
from pytc.commands.prog.unpin import UnpinProgram
from pytc.commands.prog.words import FilterProgram, LoadedProgram
from pytc.commands.shared.command import Command, Help
from pytc.commands.shared.verbs import verb_module, verb_word
from pytc.errors import HelpRequested, PytcError, UsageError
from pytc.handles import INGRESS
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.shared.programs import OBJECT_WORDS, BpfSource


def parse(words: list[str]) -> Command:
    return parse_words(["prog", *words])


_ID = LoadedProgram("id", "7")
_HEX = (PacketSource("hex", "00"),)
_WORDS = st.one_of(
    st.sampled_from(
        [
            "id",
            "7",
            "obj",
            "bpf.o",
            "dev",
            "em1",
            "ingress",
            "pref",
            "1",
            "run",
            "dump",
            "stats",
            "on",
            "for",
            "5",
            "hex",
            "00",
            "packet",
            "ip",
            "pcap",
            "-",
            "ctx",
            "mark=1",
            "expect",
            "OK",
            "preset",
            "m",
            "key",
            "value",
            "{",
            "}",
            "repeat",
            "junit",
            "write",
            "da",
            "classid",
            "sec",
            "help",
        ]
    ),
    st.text(max_size=6),
)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("", ShowPrograms()),
        ("show", ShowPrograms()),
        ("ls id 7", ShowPrograms(_ID)),
        ("show pinned m:x", ShowPrograms(LoadedProgram("pinned", "m:x"))),
        ("s tag 00ff", ShowPrograms(LoadedProgram("tag", "00ff"))),
        ("dump id 7", DumpProgram(_ID)),
        ("dump jited id 7 opcodes lines", DumpProgram(_ID, "jited", True, True)),
        (
            "dump jited dev em1 ingress pref 1 lines",
            DumpProgram(FilterProgram(FilterSelector("em1", INGRESS, 1)), "jited", lines=True),
        ),
        ("pin dev em1 ingress m:x", PinProgram(FilterProgram(FilterSelector("em1", INGRESS)), "m:x")),
        ("dump id 7 write x", DumpProgram(_ID, write="x")),
        ("stats", ProgramStatistics()),
        ("stats id 7 on for 500ms", ProgramStatistics(_ID, 0.5)),
        ("stats on for 2s", ProgramStatistics(None, 2.0)),
        ("pin id 7 /x", PinProgram(_ID, "/x")),
        ("unpin pinned /x", UnpinProgram("/x")),
        ("help", Help("prog")),
        ("run id 7 hex 00", RunOnPackets(_ID, _HEX)),
        (
            "run id 7 hex 00 expect OK,SHOT expect-pcap x da",
            RunOnPackets(_ID, _HEX, expected=("OK", "SHOT"), expected_packets="x", classes=False),
        ),
        (
            "run id 7 hex 00 ctx mark=1 ctx priority=2,cb0=3",
            RunOnPackets(_ID, _HEX, context=(("mark", "1"), ("priority", "2"), ("cb0", "3"))),
        ),
        (
            "run id 7 hex 00 preset m keytype u32 key 1 value { a 2 } key 3 value 4 dump m dump n",
            RunOnPackets(_ID, _HEX, presets=(Preset("m", (("1", {"a": "2"}), ("3", "4")), "u32"),), dumps=("m", "n")),
        ),
        ("run id 7 hex 00 preset m value 4", RunOnPackets(_ID, _HEX, presets=(Preset("m", ((None, "4"),)),))),
        (
            "run obj x.o sec tc pcap in.pcap set port=7 repeat 9 count 2",
            RunOnPackets(
                ObjectProgram(BpfSource("object-file", "x.o", section="tc", variables=(("port", "7"),))),
                (PacketSource("pcap", "in.pcap"),),
                repeat=9,
                limit=2,
            ),
        ),
        (
            "run dev em1 ingress pref 1 handle 2 hex 00 summary classid",
            RunOnPackets(
                FilterProgram(FilterSelector("em1", INGRESS, 1), 2),
                _HEX,
                summary=True,
                classes=True,
            ),
        ),
    ],
)
def test_words_and_commands(words: str, command: object) -> None:
    assert parse(words.split()) == command


@pytest.mark.parametrize(
    "words",
    [
        "bogus",
        "show bogus",
        "show id 1 id 2",
        "show id 1 pinned x",
        "dump",
        "pin",
        "pin id 1",
        "pin id 1 path x y",
        "dump dev em1 handle x",
        "dump dev em1 block 1",
        "unpin",
        "run",
        "run id 1",
        "run hex 00",
        "run obj x",
        "run id 1 hex 00 ctx mark",
        "run id 1 hex 00 ctx =1",
        "run id 1 hex 00 expect ,",
        "run id 1 hex 00 preset m",
        "run id 1 hex 00 preset m key 1",
        "run id 1 hex 00 bogus",
        "run dev em1 hex 00 bogus",
        "dump dev em1 id 7",
        "run ingress hex 00",
        "stats on",
        "stats on for",
        "stats on for x",
        "stats on for 0",
        "stats on 5",
        "run id 1 hex 00 repeat -1",
        "run obj x export y hex 00",
        "run id 1 hex 00 da classid",
        "dump id 1 xlated jited",
    ],
)
def test_wrong_words(words: str) -> None:
    with pytest.raises(UsageError):
        parse(words.split())


@pytest.mark.parametrize("verb", [*map(verb_word, dict.fromkeys(VERBS.values()))])
def test_each_command_has_help(verb: str) -> None:
    with pytest.raises(HelpRequested) as request:
        parse([verb, "help"])
    assert usage(request.value.topic).startswith("Usage: pytc prog ")
    assert f"pytc prog {verb}" in usage("prog")


def test_help_names_each_word_of_a_run() -> None:
    text = usage("prog run")
    assert not [row.name for row in WORDS if row.name not in text and row.name != "da"]
    assert not [row.name for row in OBJECT_WORDS if row.name not in text and row.name != "export"]


def test_the_object_is_found_by_prefix_after_those_of_tc() -> None:
    assert parse_words(["prog"]) == parse_words(["pr", "show"]) == ShowPrograms()


def test_completion() -> None:
    assert {"show", "run", "dump", "stats", "pin", "unpin"} <= set(complete(["prog"], "").words)
    assert {"obj", "dev", "id", "pcap", "expect"} <= set(complete(["prog", "run"], "").words)
    assert "xlated" in complete(["prog", "dump", "id", "7"], "").words
    assert "expect" in complete(["prog", "run", "obj", "x.o"], "").words
    assert all(
        getattr(verb_module("pytc.commands.prog", verb), "WORDS", ()) for verb in VERBS.values() if verb != "unpin"
    )


@given(st.lists(_WORDS, max_size=14))
def test_any_words_are_a_command_or_a_clean_error(words: list[str]) -> None:
    for verb in ("run", "show", "dump", "stats", "pin"):
        try:
            assert parse([verb, *words]) is not None
        except PytcError as error:
            assert str(error)
