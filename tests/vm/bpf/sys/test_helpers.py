"""The table of helpers against the running kernel."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pytc.bpf import ProgramType, lint_object, load, read_object
from pytc.bpf.kernel import versions as v
from pytc.bpf.sys.helpers import helpers
from pytc.errors import VerifierError
from tests.guarded import GUARDED
from tests.kernel.bpf.sys.helper_licenses import restricted, unknown

VERSION = ".".join(os.uname().release.split(".")[:2])
#: Of kinds of programs that need the GPL themselves (security modules, TCP algorithms), that Debian's kernels are built
#: without (error injection), or whose module is not loaded (remote controls). The kernel's sources say for these what
#: the table says: bpf_lsm.c and bpf_inode_storage.c in kernel/bpf, net/ipv4/bpf_tcp_ca.c, kernel/trace/bpf_trace.c,
#: drivers/media/rc/bpf-lirc.c.
NOT_ASKED = frozenset(
    "bprm_opts_set ima_file_hash ima_inode_hash inode_storage_delete inode_storage_get "
    "override_return rc_keydown rc_pointer_rel rc_repeat tcp_send_ack".split()
)


@pytest.mark.needs("guest", "kernel_btf")
def test_helpers_need_the_gpl_where_the_table_says_so() -> None:
    there = [helper for helper in helpers() if not v.precedes(VERSION, helper.since)]
    answers = {helper: restricted(helper.number) for helper in there}
    assert [
        helper.name
        for helper, answer in answers.items()
        if answer is not None and answer is not v.needs_gpl(helper, VERSION)
    ] == []
    assert {helper.name for helper, answer in answers.items() if answer is None} == NOT_ASKED


@pytest.mark.needs("kernel_btf", "!helper:cgrp_storage_get")
@pytest.mark.parametrize("program", [one for names in GUARDED.values() for one in names])
def test_what_a_check_for_this_kernel_says_of_a_program_is_what_the_kernel_says(
    objects: Callable[[str], str], program: str
) -> None:
    """The object calls a helper that Linux 6.2 brought, behind questions to the kernel, and besides."""
    spec = read_object(objects("guarded_6_2"))
    (chosen,) = (one for one in spec.programs if one.name == program)
    found = [
        one.severity
        for one in lint_object(spec, version=VERSION)
        if one.program == program and one.check == "helper-version"
    ]
    assert found == [next(severity for severity, names in GUARDED.items() if program in names)]
    if found == ["error"]:
        with pytest.raises(VerifierError, match="invalid func"):
            load(spec, chosen, type=ProgramType.SCHED_CLS)
    else:
        load(spec, chosen, type=ProgramType.SCHED_CLS).close()


def test_helpers_are_there_from_the_version_on_that_the_table_says() -> None:
    numbers = [helper.number for helper in helpers()]
    assert unknown(numbers) == [helper.number for helper in helpers() if v.precedes(VERSION, helper.since)]
