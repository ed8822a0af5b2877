"""Pins that go where nobody expects them are remarked on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytc.bpf.maps import pin_location
from tests.conftest import Compiler
from tests.processes import PYTC, SOURCE, must

pytestmark = pytest.mark.kernel

_NO_BPFFS = "for m in $(grep ' bpf ' /proc/mounts | cut -d' ' -f2); do umount -l \"$(printf \"$m\")\"; done\n"


def in_namespaces(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a mount namespace and a network namespace of its own."""
    return subprocess.run(
        ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-ec", f"ip link set lo up\n{script}"],
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
        env={**{k: v for k, v in os.environ.items() if k != "TC_BPF_MNT"}, **SOURCE, **environment},
    )


def _add(path: str, *, pins: str = "") -> str:
    return (
        f"{pins}{' '.join(PYTC)} qdisc add dev lo clsact\n{' '.join(PYTC)} filter add dev lo ingress bpf da obj {path}"
    )


class TestRemarks:
    def test_a_bpffs_that_is_expected_needs_none(self, root: None, build: Compiler) -> None:
        done = in_namespaces(_NO_BPFFS + "mount -t bpf bpf /sys/fs/bpf\n" + _add(build("legacy_pin_global")))
        assert (done.returncode, done.stderr) == (0, "")

    def test_one_that_is_named_needs_none(self, bpffs: Path, build: Compiler) -> None:
        done = in_namespaces(_add(build("legacy_pin_global")), TC_BPF_MNT=str(bpffs))
        assert (done.returncode, done.stderr) == (0, "")

    def test_one_that_is_mounted_now_is_named(self, root: None, build: Compiler) -> None:
        done = in_namespaces(_NO_BPFFS + _add(build("legacy_pin_global")))
        assert (done.returncode, done.stderr) == (
            0,
            'Warning: no bpffs was mounted; pins are in one that pytc has mounted at "/sys/fs/bpf", and are gone when '
            "this mount namespace ends\n",
        )

    def test_another_one_is_named(self, root: None, build: Compiler, tmp_path: Path) -> None:
        other = f"mkdir {tmp_path}/bpf\nmount -t bpf bpf {tmp_path}/bpf\n"
        done = in_namespaces(_NO_BPFFS + other + _add(build("legacy_pin_global")))
        assert done.returncode == 0, done.stderr
        assert done.stderr == (
            f'Warning: pins are in "{tmp_path}/bpf", because "/sys/fs/bpf" is not a bpffs\n'
            "Hint: TC_BPF_MNT names another mount point\n"
        )

    def test_so_is_one_for_a_named_pin(self, root: None, build: Compiler, tmp_path: Path) -> None:
        other = f"mkdir {tmp_path}/bpf\nmount -t bpf bpf {tmp_path}/bpf\n"
        pin = f"\n{' '.join(PYTC)} prog pin dev lo ingress m:one\n{' '.join(PYTC)} prog unpin m:one"
        done = in_namespaces(_NO_BPFFS + other + _add(build("two_programs") + " section first") + pin)
        assert done.stderr.count(f'Warning: pins are in "{tmp_path}/bpf"') == 2, done.stderr

    def test_maps_without_pins_need_no_bpffs(self, root: None, build: Compiler) -> None:
        done = in_namespaces(_NO_BPFFS + _add(build("legacy36")) + "\n! grep ' bpf ' /proc/mounts")
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_dry_run_says_where_pins_would_go(self, root: None, build: Compiler, tmp_path: Path) -> None:
        other = f"mkdir {tmp_path}/bpf\nmount -t bpf bpf {tmp_path}/bpf\n"
        words = f"filter add dev lo ingress bpf da obj {build('legacy_pin_global')}"
        qdisc = f"{' '.join(PYTC)} qdisc add dev lo clsact\n"
        done = in_namespaces(_NO_BPFFS + other + qdisc + f"{' '.join(PYTC)} --dry-run {words}")
        assert f'Warning: pins are in "{tmp_path}/bpf"' in done.stderr

    def test_ip_netns_exec_has_a_better_way(self, root: None, build: Compiler) -> None:
        name = f"pytc-{os.getpid()}-pins"
        must("ip", "netns", "add", name)
        try:
            script = f"{_NO_BPFFS}ip netns exec {name} sh -ec '{_add(build('legacy_pin_global'))}'"
            done = in_namespaces(script)
            assert done.returncode == 0, done.stderr
            assert done.stderr.endswith(
                f'Hint: "pytc -n {name} ..." enters the network namespace alone, and pins where others look\n'
            )
        finally:
            must("ip", "netns", "delete", name)

    def test_a_path_that_cannot_be_examined_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(path: str) -> os.statvfs_result:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "statvfs", fail)
        (remark,) = pin_location.location_remarks("/other", "/sys/fs/bpf", is_new=False)
        assert remark.startswith('Warning: pins are in "/other", because "/sys/fs/bpf" cannot be examined (')
