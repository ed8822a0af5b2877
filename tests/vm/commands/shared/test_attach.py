"""Attaching on kernels without tcx and netkit."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import pytc_here
from tests.vm.twins import new_network, tc

pytestmark = pytest.mark.kernel


@pytest.mark.needs("!tcx")
@pytest.mark.parametrize(
    "words",
    [
        ("attach", "dev", "em1", "ingress", "obj", "OBJECT"),
        ("show", "dev", "em1"),
        ("detach", "dev", "em1", "egress", "all"),
        ("attach", "dev", "em1", "egress", "link", "m:link", "first", "obj", "OBJECT"),
    ],
)
def test_the_error_names_the_first_kernel_with_tcx_and_what_there_is(
    objects: Callable[[str], str], words: tuple[str, ...]
) -> None:
    new_network()
    done = pytc_here("tcx", *(objects("tcx") if one == "OBJECT" else one for one in words))
    assert done.status == 2 and done.out == ""
    assert done.err.startswith(f"this kernel has no tcx: it came with Linux 6.6, and this is {os.uname().release}")
    assert 'Hint: a filter of clsact does here: "pytc qdisc add dev em1 clsact"' in done.err


@pytest.mark.needs("!tcx")
def test_netkit_is_named_with_its_kernel(objects: Callable[[str], str]) -> None:
    new_network()
    done = pytc_here("tcx", "attach", "dev", "em1", "primary", "obj", objects("tcx"), "sec", "tcx/ingress")
    message = done.err.splitlines()[0].partition(", and")[0]
    assert (done.status, message) == (2, "this kernel has no netkit: it came with Linux 6.7")


def test_hooks_shows_what_there_is(objects: Callable[[str], str], bpffs: Path) -> None:
    new_network()
    assert pytc_here("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", objects("drop")).status == 0
    done = pytc_here("hooks", "dev", "em1")
    assert done.status == 0 and done.out.count("filter dev em1 ingress") == 1


@pytest.mark.needs("!tcx")
def test_warnings_need_no_tcx(objects: Callable[[str], str], bpffs: Path) -> None:
    """Without tcx, nothing is said of it, and the rest is as elsewhere; nothing fails."""
    new_network()
    words = ("--warn", "filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", objects("drop"))
    assert pytc_here(*words) == (0, "", "")
    done = pytc_here(*words)
    assert (done.status, done.out) == (0, "") and len(done.err.splitlines()) == 1
    assert done.err.startswith('Warning: em1 ingress has the program "') and "pref 49152 handle 0x1, " in done.err
    assert tc("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb").status == 0
    done = pytc_here("--warn", "filter", "add", "dev", "em1", "bpf", "obj", objects("drop"))
    assert done.status == 0 and len(done.err.splitlines()) == 1
    assert "the root qdisc of em1, htb 1:, which asks it about packets that leave" in done.err
