"""``pytc cbpf compile``."""

from __future__ import annotations

import pytest

from pytc.cbpf import compile_expression, compiler
from pytc.errors import ExpressionError
from tests.processes import json_of, printed, refused

ARP = "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0"


def test_compile(libpcap: None) -> None:
    assert printed("cbpf", "compile", "arp") == ARP + "\n"
    assert printed("cbpf", "compile", "snaplen", "262144", "as", "tcpdump", "arp") == (
        "4\n40 0 0 12\n21 0 1 2054\n6 0 0 262144\n6 0 0 0\n"
    )
    assert printed("cbpf", "compile", "as", "asm", "RAW", "ip").startswith("l0:     ldb [0]\n")
    assert printed("cbpf", "compile", "") == "1,6 0 0 4294967295\n"
    (found,) = json_of("cbpf", "compile", "arp")
    assert found["length"] == 4
    assert found["bytecode"] == ARP
    assert found["insns"][1] == {"code": 21, "jt": 0, "jf": 1, "k": 2054, "text": "jne #0x806, l3"}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["tcp porp 80"], "libpcap: can't parse filter expression: syntax error"),
        (["dlt", "BOGUS", "ip"], "BOGUS"),
        (["dlt", "RAW", "ether host 1:2:3:4:5:6"], "libpcap: "),
        ([" or ".join(f"len = {length}" for length in range(2200))], "several filters, each with a part of the"),
        (["ip protochain 6"], "a program that no kernel accepts"),
        (["host no.such.host.invalid"], "libpcap: "),
        (["a\0b"], "NUL"),
        (["x" * 70000], "at most 65536 characters"),
        (["len = " + "(" * 5000], "libpcap: "),
        (["\udcff"], "libpcap: "),
    ],
)
def test_expressions_that_do_not_compile(libpcap: None, words: list[str], text: str) -> None:
    assert text in refused("cbpf", "compile", *words)


def test_without_libpcap_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiler, "LIBRARIES", ("libpcap-that-is-not-there.so",))
    text = refused("cbpf", "compile", "arp")
    assert "tcpdump expressions need libpcap, which is not installed" in text
    assert "apt install libpcap0.8" in text
    with pytest.raises(ExpressionError):
        compile_expression("ip")
