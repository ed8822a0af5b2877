"""Elements with the types of the object's BTF, beside what bpftool sees."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Compiler
from tests.kernel.bpf.support import loaded, word
from tests.kernel.commands.map.support import fd_of
from tests.processes import PYTC, SOURCE, cannot, json_of, must, printed, refused

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]


class TestTypedByBtf:
    """The maps of typed_values.c: every sort of value."""

    def test_every_sort_of_value(self, build: Compiler, bpffs: Path, tmp_path: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            verdicts, flows = done.maps["verdicts"], done.maps["flows"]
            value = {
                "action": "DROP",
                "note": "hello",
                "tag": {"octets": [1, 2, 3, 4]},
                "low": 3,
                "high": 100,
                "rest": 4095,
                "deltas": [-1, -2, 3],
                "on": True,
                "inner": {"peer": {"address": "10.1.1.1", "port": 53}},
            }
            printed("map", "set", *fd_of(verdicts), "key", "10.0.0.1", "value", json.dumps(value))
            (entry,) = json_of("map", "dump", *fd_of(verdicts))
            assert entry["key"] == "10.0.0.1"
            assert entry["value"] == {
                **value,
                "hits": 0,
                "bytes": 0,
                "tag": {"word": 0x04030201, "octets": [1, 2, 3, 4]},
                "inner": {"first": 0, "peer": {"address": "10.1.1.1", "port": 53, "protocol": 0}},
            }
            printed(
                "map",
                "set",
                *fd_of(verdicts),
                "key",
                "10.0.0.1",
                "value.high",
                "^=",
                "1",
                "value.action",
                "=",
                "NEVER",
                "value.inner.peer.port",
                "+=",
                "1",
                "value.note",
                "=",
                "a b",
            )
            assert printed("map", "get", *fd_of(verdicts), "key", "10.0.0.1", "value.high") == "101\n"
            assert printed("map", "get", *fd_of(verdicts), "key", "10.0.0.1", "value.note") == "'a b'\n"
            for style, name in (("csv", "a.csv"), ("json", "a.json")):
                said = (
                    printed("map", "dump", *fd_of(verdicts), "csv")
                    if style == "csv"
                    else printed("-j", "map", "dump", *fd_of(verdicts))
                )
                (tmp_path / name).write_text(said)
                before = dict(verdicts.items())
                printed("map", "delete", *fd_of(verdicts), "all")
                printed("map", "load", *fd_of(verdicts), str(tmp_path / name))
                assert dict(verdicts.items()) == before
            assert "DROP" not in printed("map", "dump", *fd_of(verdicts))
            key = ("{", "address", "10.0.0.1", "port", "53", "protocol", "6", "}")
            printed("map", "set", *fd_of(flows), "key", *key, "value", "9")
            assert printed("map", "dump", *fd_of(flows)) == "key { address 10.0.0.1 port 53 protocol 6 } value 9\n"
            said = refused("map", "set", *fd_of(flows), "key", "{", "x", "1", "}", "value", "1")
            assert 'no member "x"; the members are address, port, protocol' in said
            shown = printed("map", "show", *fd_of(flows))
            assert "key type struct endpoint\n  value type __u64\n" in shown

    def test_bpftool_sees_the_same(self, build: Compiler, bpffs: Path) -> None:
        if shutil.which("bpftool") is None:
            cannot("bpftool is not installed")
        with loaded(build("typed_values"), bpffs) as done:
            chosen = done.maps["settings"]
            printed(
                "map", "set", *fd_of(chosen), "value", "{", "enabled", "true", "protocol", "6", "ports", "80,443", "}"
            )
            (entry,) = json.loads(must("bpftool", "-j", "map", "dump", "id", str(chosen.description.id)))
            assert entry["formatted"]["value"] == {"enabled": True, "protocol": 6, "ports": [80, 443, 0, 0]}
            (own,) = json_of("map", "dump", *fd_of(chosen))
            assert own == entry["formatted"]

    def test_names_of_types_in_formats(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            flows = done.maps["flows"]
            printed(
                "map",
                "set",
                *fd_of(flows),
                "keytype",
                "struct",
                "endpoint",
                "valuetype",
                "{u32 a, u32 b}",
                "key",
                "{",
                "port",
                "1",
                "}",
                "value",
                "{",
                "b",
                "7",
                "}",
            )
            assert printed("map", "dump", *fd_of(flows), "keytype", "hex") == f"key 0000000000010000 value {7 << 32}\n"
            unknown = refused("map", "dump", *fd_of(flows), "keytype", "struct", "nosuch")
            assert 'unknown type "struct nosuch"' in unknown
            assert "struct nosuch *unused __attribute__((unused));" in unknown

    def test_locks(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("spinlock"), bpffs) as done:
            totals = done.maps["totals"]
            printed("map", "set", *fd_of(totals), "key", "1", "value", "{", "packets", "5", "}")
            printed("map", "set", *fd_of(totals), "key", "1", "value.packets", "+=", "1", "lock")
            assert printed("map", "get", *fd_of(totals), "key", "1", "lock") == "{ packets 6 bytes 0 }\n"
            assert printed("map", "dump", *fd_of(totals), "lock") == "key 1 value { packets 6 bytes 0 }\n"
        with loaded(build("typed_values"), bpffs) as done:
            assert "lock cannot be used" in refused("map", "get", *fd_of(done.maps["settings"]), "lock")

    def test_data_sections(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("modern_globals"), bpffs) as done:
            data = next(found for found in done.maps.values() if found.name == ".data")
            values = json_of("map", "get", *fd_of(data))[0]["value"]
            name = next(name for name, value in values.items() if isinstance(value, int))
            printed("map", "set", *fd_of(data), f"value.{name}", "=", "77")
            assert printed("map", "get", *fd_of(data), f"value.{name}") == "77\n"

    def test_a_process_that_may_not_read_types_gets_numbers(self, build: Compiler, bpffs: Path) -> None:
        """An inherited descriptor works without privileges; type information does not."""
        formats = ("valuetype", "{bool a, u8 b, u16 p[4]}")
        with loaded(build("typed_values"), bpffs) as done:
            found = done.maps["settings"]
            found[word(0)] = b"\1\x06" + struct.pack("<4H", 80, 443, 0, 0)
            for words, expected in (
                (("get", "map", "settings"), "01065000bb0100000000\n"),
                (("get", "map", "settings", *formats, "value.p[1]"), "443\n"),
                (("set", "map", "settings", *formats, "value.b", "=", "17"), ""),
            ):
                finished = subprocess.run(
                    ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *PYTC, "map", *words],
                    pass_fds=[found.fd],
                    text=True,
                    capture_output=True,
                    timeout=60,
                    check=False,
                    env={**os.environ, "BPF_MAP_settings": str(found.fd), **SOURCE},
                )
                assert (finished.returncode, finished.stdout) == (0, expected), finished.stderr
                assert ("takes CAP_SYS_ADMIN" in finished.stderr) == ("valuetype" not in words)
            assert found[word(0)][1] == 17
