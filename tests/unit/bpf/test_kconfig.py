"""Settings of the kernel as the object's types want them, and what the kernel's version is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytc.bpf.btf.types import Btf
from pytc.bpf.kernel.kconfig import kconfig_contents
from pytc.bpf.kernel.running import parse_version_code
from pytc.bpf.object.spec import SETTING, ExternSpec
from pytc.errors import ObjectError
from tests.btf_writer import BtfWriter

VERSION = 6 << 16 | 1 << 8 | 140
KNOWN = {
    "CONFIG_HZ": "250",
    "CONFIG_WIDE": "0xdead000000000000",
    "CONFIG_YES": "y",
    "CONFIG_MODULE": "m",
    "CONFIG_NO": "n",
    "CONFIG_ONE": "1",
    "CONFIG_TEXT": '"(none)"',
    "CONFIG_BELOW": "-1",
}
FEATURES = {"LINUX_HAS_BPF_COOKIE": True, "LINUX_HAS_SYSCALL_WRAPPER": False}
SIGNED, CHAR, BOOL = 1, 2, 4


def number(size: int, encoding: int = 0) -> Callable[[BtfWriter], int]:
    return lambda w: w.integer("number", size, encoding)


def tristate(w: BtfWriter) -> int:
    return w.enum("libbpf_tristate", [("TRI_NO", 0), ("TRI_YES", 1), ("TRI_MODULE", 2)])


def text(length: int, element: int = 1) -> Callable[[BtfWriter], int]:
    return lambda w: w.array(w.integer("element", element, SIGNED), length)


def contents(name: str, declare: Callable[[BtfWriter], int], *, weak: bool = False) -> bytes:
    """The map of one setting."""
    w = BtfWriter()
    type_id = declare(w)
    btf = Btf(w.data())
    size = btf.size(type_id)
    setting = ExternSpec(name, SETTING, type_id, weak, 0, size)
    return kconfig_contents(
        size, [setting], btf, version=lambda: VERSION, configuration=lambda: KNOWN, feature=FEATURES.get
    )


@pytest.mark.parametrize(
    ("name", "declare", "expected"),
    [
        ("LINUX_KERNEL_VERSION", number(4), VERSION),
        ("LINUX_KERNEL_VERSION", number(8), VERSION),
        ("LINUX_KERNEL_VERSION", number(4, SIGNED), VERSION),
        ("LINUX_HAS_BPF_COOKIE", number(1, BOOL), 1),
        ("LINUX_HAS_BPF_COOKIE", number(4), 1),
        ("LINUX_HAS_SYSCALL_WRAPPER", number(1, BOOL), 0),
        ("CONFIG_HZ", number(1), 250),
        ("CONFIG_HZ", number(8), 250),
        ("CONFIG_WIDE", number(8), 0xDEAD000000000000),
        ("CONFIG_ONE", number(1, BOOL), 1),
        ("CONFIG_BELOW", number(2, SIGNED), 0xFFFF),
        ("CONFIG_YES", number(1, BOOL), 1),
        ("CONFIG_NO", number(1, BOOL), 0),
        ("CONFIG_YES", number(1, CHAR), ord("y")),
        ("CONFIG_MODULE", number(1, CHAR), ord("m")),
        ("CONFIG_YES", tristate, 1),
        ("CONFIG_MODULE", tristate, 2),
        ("CONFIG_NO", tristate, 0),
    ],
)
def test_values(name: str, declare: Callable[[BtfWriter], int], expected: int) -> None:
    assert int.from_bytes(contents(name, declare), "little") == expected


@pytest.mark.parametrize(("length", "expected"), [(8, b"(none)\0\0"), (7, b"(none)\0"), (4, b"(no\0"), (1, b"\0")])
def test_text_is_cut_and_ends_in_a_zero(length: int, expected: bytes) -> None:
    assert contents("CONFIG_TEXT", text(length)) == expected


@pytest.mark.parametrize(
    ("name", "declare"),
    [
        ("LINUX_KERNEL_VERSION", number(2)),
        ("LINUX_KERNEL_VERSION", number(1, BOOL)),
        ("LINUX_KERNEL_VERSION", tristate),
        ("LINUX_KERNEL_VERSION", text(8)),
        ("LINUX_HAS_BPF_COOKIE", tristate),
        ("CONFIG_HZ", number(1, SIGNED)),
        ("CONFIG_HZ", number(1, BOOL)),
        ("CONFIG_HZ", tristate),
        ("CONFIG_HZ", text(8)),
        ("CONFIG_WIDE", number(4)),
        ("CONFIG_WIDE", number(8, SIGNED)),
        ("CONFIG_BELOW", number(8)),
        ("CONFIG_YES", number(4)),
        ("CONFIG_MODULE", number(1, BOOL)),
        ("CONFIG_YES", text(8)),
        ("CONFIG_TEXT", number(8)),
        ("CONFIG_TEXT", text(8, 4)),
        ("CONFIG_TEXT", tristate),
    ],
)
def test_values_that_do_not_fit(name: str, declare: Callable[[BtfWriter], int]) -> None:
    with pytest.raises(ObjectError, match=f'"{name}" is .* the object must declare it as'):
        contents(name, declare)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CONFIG_NEVER_THERE", 'configuration has no "CONFIG_NEVER_THERE"'),
        ("LINUX_HAS_NEVER_THERE", 'pytc does not know "LINUX_HAS_NEVER_THERE"'),
    ],
)
def test_what_is_missing_is_0_only_if_it_is_weak(name: str, said: str) -> None:
    assert contents(name, number(4), weak=True) == bytes(4)
    with pytest.raises(ObjectError, match=said):
        contents(name, number(4))


@pytest.mark.parametrize(
    ("release", "version", "signature", "expected"),
    [
        ("6.18.44-fc-v669", "#1 SMP PREEMPT_DYNAMIC @0", "", (6, 18, 44)),
        ("6.1.0-37-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)", "", (6, 1, 140)),
        (
            "5.15.0-91-generic",
            "#101-Ubuntu SMP Tue Nov 14 13:30:08 UTC 2023",
            "Ubuntu 5.15.0-91.101-generic 5.15.131\n",
            (5, 15, 131),
        ),
        ("6.1.0-37-amd64", "#1 SMP Debian", "Ubuntu", (6, 1, 0)),
        ("4.9.337", "", "", (4, 9, 255)),
        ("7.0-rc1", "", "", (7, 0, 0)),
        ("7.1.0-rc1", "", "", (7, 1, 0)),
        ("6.9", "", "", (6, 9, 0)),
        ("unknown", "", "", (0, 0, 0)),
    ],
)
def test_the_version_is_that_of_the_kernels_own_headers(
    release: str, version: str, signature: str, expected: tuple[int, int, int]
) -> None:
    major, minor, patch = expected
    assert parse_version_code(release, version, signature) == major << 16 | minor << 8 | patch
