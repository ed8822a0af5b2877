"""Targets of iptables, by libxtables' plugins in a process of their own. The bytes are those that tc 6.1 sends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytc.errors import InvalidOptionsError
from pytc.tc.kinds.shared import xtables_library
from tests.xtables_plugins import plugin_directory

_CLASSIFY = "2800434c4153534946590000" + 19 * "00" + "00" + "0200010000000000"


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XTABLES_LIBDIR", plugin_directory())
    for remembered in (xtables_library.encode_target, xtables_library.encode_match, xtables_library.target_text):
        remembered.cache_clear()
    yield


def test_words_become_the_structure_that_tc_sends() -> None:
    used, raw = xtables_library.encode_target("CLASSIFY", ("--set-class", "1:2", "index", "7"))
    assert used == 2, "the words behind the options are left"
    assert raw.hex() == _CLASSIFY
    assert xtables_library.target_text(raw).split() == ["CLASSIFY", "set", "1:2"]


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("NOPE", (), " failed to find target NOPE"),
        ("../../x", (), " failed to find target ../../x"),
        ("CLASSIFY", (), "CLASSIFY"),
        ("CLASSIFY", ("--set-class", "zz"), "zz"),
        ("CLASSIFY", ("--nonsense",), "unrecognized option '--nonsense'"),
    ],
)
def test_the_library_says_what_is_wrong(name: str, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidOptionsError) as caught:
        xtables_library.encode_target(name, words)
    assert message in str(caught.value)


def test_a_match_becomes_the_structure_that_tc_sends() -> None:
    used, raw = xtables_library.encode_match(10, "addrtype", ("--dst-type", "LOCAL"))
    assert used == 2
    assert raw[31:] == bytes([1]) + bytes.fromhex("0000040000000000"), "revision 1, and struct xt_addrtype_info_v1"
    with pytest.raises(InvalidOptionsError, match="ipt: failed to find match nope"):
        xtables_library.encode_match(2, "nope", ())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=80))
def test_no_bytes_make_it_crash(raw: bytes) -> None:
    head = bytes.fromhex(_CLASSIFY)[:32]
    assert isinstance(xtables_library.target_text(head + raw), str)
    assert isinstance(xtables_library.target_text(raw), str)
