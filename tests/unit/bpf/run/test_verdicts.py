"""Names of return values, and the contexts of test runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf import ProgramType
from pytc.bpf.object.elf import section_data
from pytc.bpf.run import context as run_context
from pytc.bpf.run.verdicts import TC, XDP, Verdicts
from pytc.errors import BpfError
from tests.processes import cannot, run

CLS, ACT, XDP_TYPE = ProgramType.SCHED_CLS, ProgramType.SCHED_ACT, ProgramType.XDP
_U32 = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("type", "classes", "word", "expected"),
    [
        (CLS, False, "TC_ACT_SHOT", "TC_ACT_SHOT"),
        (CLS, False, "shot", "TC_ACT_SHOT"),
        (CLS, False, "drop", "TC_ACT_SHOT"),
        (CLS, False, "pass", "TC_ACT_OK"),
        (CLS, False, "UNSPEC", "TC_ACT_UNSPEC"),
        (CLS, False, "continue", "TC_ACT_UNSPEC"),
        (CLS, False, "-1", 0xFFFFFFFF),
        (CLS, False, "0x10", 16),
        (CLS, False, "1:10", 0x10010),
        (CLS, True, "1:10", 0x10010),
        (CLS, True, "unmatched", "unmatched"),
        (CLS, True, "flowid", "flowid"),
        (CLS, True, ":7", 7),
        (ACT, False, "pipe", "TC_ACT_PIPE"),
        (ACT, False, "continue", "continue"),
        (XDP_TYPE, False, "XDP_DROP", "XDP_DROP"),
        (XDP_TYPE, False, "drop", "XDP_DROP"),
        (XDP_TYPE, True, "tx", "XDP_TX"),
        (ProgramType.SOCKET_FILTER, False, "65535", 65535),
    ],
)
def test_words_of_what_is_expected(type: ProgramType, classes: bool, word: str, expected: int | str) -> None:
    assert Verdicts(type, classes=classes).expected(word) == expected


@pytest.mark.parametrize("word", ["tcx_drop", "DROP", "TC_ACT_SHOT"])
def test_tcx_takes_the_names_of_filters_too(word: str) -> None:
    assert Verdicts(CLS, tcx=True).expected(word) == "TCX_DROP"


@pytest.mark.parametrize(
    "word", ["", "XDP_DROP", "TC_ACT_PIPE", "1:10000", "1:x", "4294967296", "-3000000000", "ok,shot", "::"]
)
def test_what_is_no_verdict(word: str) -> None:
    with pytest.raises(ValueError, match="is not a verdict of a program of type sched_cls: TC_ACT_UNSPEC"):
        Verdicts(CLS).expected(word)


@pytest.mark.parametrize(
    ("type", "tcx", "value", "text"),
    [
        (CLS, False, 1, "TC_ACT_UNSPEC (1)"),
        (CLS, False, -5 & 0xFFFFFFFF, "TC_ACT_UNSPEC (-5)"),
        (CLS, False, 77, "TC_ACT_UNSPEC (77)"),
        (CLS, False, 4, "TC_ACT_STOLEN (4)"),
        (CLS, True, 4, "TCX_NEXT (4)"),
        (CLS, True, 2, "TCX_DROP (2)"),
        (ACT, False, 1, "TC_ACT_RECLASSIFY (1)"),
        (ACT, False, 4, "continue (4)"),
        (ACT, False, 0xFFFFFFFF, "TC_ACT_UNSPEC (-1)"),
        (XDP_TYPE, False, 77, "XDP_ABORTED (77)"),
        (ProgramType.LWT_XMIT, False, 5, "BPF_DROP (5)"),
        (ProgramType.LWT_SEG6LOCAL, False, 128, "BPF_DROP (128)"),
        (ProgramType.SOCKET_FILTER, False, 0xFFFFFFFF, "4294967295"),
    ],
)
def test_a_value_is_named_as_the_hook_takes_it(type: ProgramType, tcx: bool, value: int, text: str) -> None:
    verdicts = Verdicts(type, tcx=tcx)
    assert verdicts.text(value) == text
    assert bool(verdicts.remark(value)) == (text in _OF_OTHERS)


_OF_OTHERS = (
    "TC_ACT_UNSPEC (1)",
    "TC_ACT_UNSPEC (-5)",
    "TC_ACT_UNSPEC (77)",
    "TCX_NEXT (4)",
    "continue (4)",
    "XDP_ABORTED (77)",
    "BPF_DROP (5)",
    "BPF_DROP (128)",
)


def test_a_number_is_expected_as_itself_and_a_name_as_the_hook_takes_it() -> None:
    verdicts = Verdicts(CLS)
    unspec, one = verdicts.expected("UNSPEC"), verdicts.expected("1")
    assert [verdicts.is_met(unspec, value) for value in (1, 77, 0xFFFFFFFF, 0)] == [True, True, True, False]
    assert [verdicts.is_met(one, value) for value in (1, 77)] == [True, False]


@given(_U32, st.sampled_from([CLS, ACT, XDP_TYPE, ProgramType.SOCKET_FILTER]), st.booleans())
def test_a_name_is_met_by_its_value(value: int, type: ProgramType, classes: bool) -> None:
    verdicts = Verdicts(type, classes=classes)
    assert verdicts.is_met(verdicts.expected(verdicts.name(value)), value)


@given(st.text())
def test_any_word_is_a_verdict_or_a_clean_error(word: str) -> None:
    for verdicts in (Verdicts(CLS), Verdicts(CLS, classes=True), Verdicts(XDP_TYPE)):
        try:
            verdicts.expected(word)
        except ValueError as error:
            assert "is not a verdict" in str(error)


def _numbers(tmp_path: Path, expressions: list[str]) -> list[int]:
    """What C says of constants."""
    if shutil.which("clang") is None:
        cannot("clang is not installed")
    source, target = tmp_path / "facts.c", tmp_path / "facts.o"
    source.write_text(
        "#include <linux/bpf.h>\n#include <linux/pkt_cls.h>\n"
        'const long long facts[] __attribute__((section("numbers"))) = {\n' + ",\n".join(expressions) + "\n};\n"
    )
    outcome = run(
        "clang", "-target", "bpf", "-O2", "-I/usr/include/x86_64-linux-gnu", "-c", str(source), "-o", str(target)
    )
    assert outcome.status == 0, outcome.err
    data = section_data(target.read_bytes(), "numbers")
    assert data is not None
    return [int.from_bytes(data[at : at + 8], "little", signed=True) for at in range(0, len(data), 8)]


def test_the_names_are_those_of_the_headers(tmp_path: Path) -> None:
    for names in (TC, XDP):
        values = _numbers(tmp_path, list(names.values()))
        assert [value & 0xFFFFFFFF for value in values] == list(names)


def test_fields_are_where_the_headers_have_them(tmp_path: Path) -> None:
    for layout in (run_context.SKB, run_context.XDP):
        # hwtstamp is younger than the headers of some distributions, and cb an array.
        fields = [name for name in layout.settable if name != "hwtstamp"]
        members = [f"struct {layout.name}, {f'cb[{name[2:]}]' if name.startswith('cb') else name}" for name in fields]
        values = _numbers(tmp_path, [f"__builtin_offsetof({member})" for member in members])
        assert values == [layout.settable[name].offset for name in fields]


def test_a_context_has_what_was_said() -> None:
    encoded = run_context.encode(CLS, {"mark": 7, "tstamp": 1 << 40, "cb4": 5})
    assert len(encoded) == 192
    assert run_context.decode(CLS, encoded) == {
        "mark": 7,
        "priority": 0,
        "cb0": 0,
        "cb1": 0,
        "cb2": 0,
        "cb3": 0,
        "cb4": 5,
        "tstamp": 1 << 40,
    }
    assert run_context.encode(XDP_TYPE, {}) == bytes(24)
    assert run_context.encode(ProgramType.FLOW_DISSECTOR, {}) == b""
    assert run_context.decode(CLS, b"short") == {}


@given(
    st.dictionaries(
        st.one_of(st.sampled_from([*run_context.SKB.settable, "len", "data"]), st.text()), st.integers(-1, 1 << 70)
    ),
    st.sampled_from([CLS, XDP_TYPE, ProgramType.FLOW_DISSECTOR]),
)
def test_any_fields_make_a_context_or_a_clean_error(fields: dict[str, int], type: ProgramType) -> None:
    try:
        encoded = run_context.encode(type, fields)
    except BpfError:
        return
    layout = run_context.layout_of(type)
    assert len(encoded) == (layout.size if layout is not None else 0)
