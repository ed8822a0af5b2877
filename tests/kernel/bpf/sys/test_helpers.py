"""The table of helpers against the running kernel: which exist, and which are for programs under the GPL."""

from __future__ import annotations

import os

import pytest

from pytc.bpf.kernel import versions as v
from pytc.bpf.sys.helpers import Helper, helpers
from tests.kernel.bpf.sys.helper_licenses import kinds, restricted, unknown

pytestmark = [pytest.mark.kernel, pytest.mark.needs("host", "kernel_btf")]
#: No program of a kind that this kernel loads without the GPL may call these: those of remote controls (LIRC), of
#: security modules and TCP algorithms, which need the GPL themselves, and of traced functions; tests/vm asks for more.
NOT_EVERYWHERE = frozenset(
    (
        "probe_write_user override_return rc_repeat rc_keydown rc_pointer_rel tcp_send_ack inode_storage_get "
        "inode_storage_delete bprm_opts_set ima_inode_hash ima_file_hash get_func_arg get_func_ret get_func_arg_cnt "
        "seq_printf seq_write seq_printf_btf"
    ).split()
)


@pytest.fixture(scope="module", autouse=True)
def root_for_all() -> None:
    if os.geteuid() != 0:
        from tests.processes import cannot

        cannot("not root: BPF needs it")


@pytest.mark.parametrize("helper", helpers(), ids=lambda helper: helper.name)
def test_a_helper_needs_the_gpl_where_the_table_says_so(helper: Helper) -> None:
    answer = restricted(helper.number)
    if answer is None:
        assert helper.name in NOT_EVERYWHERE
    else:
        assert answer is v.needs_gpl(helper, os.uname().release)


def test_the_table_ends_where_the_kernel_does() -> None:
    """Helpers are not added any more: 211 is the last."""
    numbers = [helper.number for helper in helpers()]
    assert unknown([*numbers, numbers[-1] + 1]) == [numbers[-1] + 1]


def test_most_kinds_of_programs_are_asked() -> None:
    assert len({type for type, _, _ in kinds()}) >= 20
