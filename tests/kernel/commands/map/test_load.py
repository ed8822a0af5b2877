"""``map load`` and ``map dump`` with files: JSON, CSV, standard input."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path

import pytest

from pytc.bpf import Map, MapType
from pytc.bpf.sys.cpus import possible_cpus
from tests.kernel.bpf.support import word
from tests.kernel.commands.map.support import MapFactory, fd_of
from tests.processes import PYTC, SOURCE, cannot, json_of, printed, refused

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]

SUMS = "{u64 packets, u64 bytes}"
CPUS = possible_cpus()

#: Members of a long object, and elements behind the first of a long list: such are read in another way.
_MANY = ",".join(f'"{number}":{number}' for number in range(2000))
_LIST = ',{"key":1,"value":2}' * 1000


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.csv", "key,value.packets,value.bytes\n10.0.0.1,1,2\n10.0.0.2,3,4\n"),
            ("a.csv", "value.bytes,value.packets,key\r\n2,1,10.0.0.1\r\n0x4,3,10.0.0.2\r\n"),
            ("a.csv", 'key,value\n10.0.0.1,"{""packets"":1,""bytes"":2}"\n10.0.0.2,"{""packets"":3,""bytes"":4}"\n'),
            (
                "a.json",
                '[{"key":"10.0.0.1","value":{"packets":1,"bytes":2}},\n'
                '{"key":"10.0.0.2","value":{"packets":3,"bytes":4}}]',
            ),
            (
                "a.json",
                '[ {\n "key":"10.0.0.1","value":{"packets":1,"bytes":"2"}\n},\n'
                '{"key":"10.0.0.2","value":{"bytes":4,"packets":3}}]\n',
            ),
            ("a.json", '{"10.0.0.1":{"packets":1,"bytes":2},"10.0.0.2":{"packets":3,"bytes":4}}'),
            (
                "a.json",
                '{"key":"10.0.0.1","value":{"packets":1,"bytes":2}}\n'
                '{"key":"10.0.0.2","value":{"packets":3,"bytes":4}}',
            ),
        ],
    )
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_are_loaded(self, new_map: MapFactory, tmp_path: Path, name: str, text: str, mark: str) -> None:
        found = new_map(MapType.HASH, 4, 16)
        (tmp_path / name).write_text(mark + text, newline="", encoding="utf-8")
        printed("map", "load", *fd_of(found), "keytype", "ip4", "valuetype", SUMS, str(tmp_path / name))
        assert dict(found.items()) == {b"\x0a\0\0\1": struct.pack("<QQ", 1, 2), b"\x0a\0\0\2": struct.pack("<QQ", 3, 4)}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "the first line must name"),
            ("key\n1\n", "the first line must name"),
            ("value,key\n1\n", "line 2 has 1 cells"),
            ("key,value\n1,2,3\n4\n", "line 2 has 3 cells, the header 2"),
            ("key,value,bogus\n1,2,3\n", 'column "bogus"'),
            ("key 0 value 2\n", '"pytc -j map dump" and "map dump ... csv" print what can be loaded'),
            ("key,value,value\n1,2,3\n", "the same name"),
            ("key,value\n1,2\n3,x\n", 'line 3: value: "x" is not a number'),
            ("key,value\n1,4294967296\n", "line 2: value: 4294967296 does not fit"),
            ("key,value.x\n1,2\n", 'column "value.x"'),
            ('key,value\n"1,2\n', "this is not CSV"),
            ("key,value\n\n1,2\n", "line 2 has 1 cells"),
            ("[", "this is not JSON"),
            ("[1]", "entry 1 has no key"),
            ('[{"key":1}]', "entry 1 has no value"),
            ('[{"key":1,"value":2},{"key":1,"value":[]}]', "entry 2: value"),
            ('{"key":1}', "entry 1 has no value"),
            ('[{"key":"x","value":1}]', 'entry 1: key: "x" is not a number'),
            ("[" * 100_000, "this is not JSON"),
            ('[{"key":1,"value":1.5}]', "entry 1: value"),
            ('{"1":null}', "entry 1: value"),
            ("{}x", "this is not JSON"),
            ("key,value\n\ufffd,1\n", "is not a number"),
            ('[\n{"key":1,"value":2},\n{"key":1}]', "entry 2 has no value"),
            ('{"1":null}', "entry 1: value: null is not a number"),
            ('[{"key":1,"value":["0x00"]}]', 'entry 1: value: ["0x00"] is not a number'),
            ('[{"key":1,"value":2,"value":3}]', '"value" is given twice: 2 and 3'),
            ('{"1":2,"1":3}', '"1" is given twice: 2 and 3'),
            (f"{{{_MANY},{_MANY}}}", '"0" is given twice: 0 and 0'),
            (f'[{{"key":1,"value":1,"value":2}}{_LIST}]', '"value" is given twice: 1 and 2'),
            (f'[{{"key":1,"value":2}}{_LIST},{{"key":1,"key":3,"value":2}}]', '"key" is given twice: 1 and 3'),
            ('[\n{"key":1,"value":2},\n{"key":1,"key":3,"value":4}]', '"key" is given twice: 1 and 3'),
            ("key,value\n1,null\n", 'line 2: value: "null" is not a number'),
        ],
    )
    def test_that_are_wrong(self, new_map: MapFactory, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "file").write_text(text, newline="")
        assert said in refused("map", "load", *fd_of(new_map(MapType.HASH)), str(tmp_path / "file"))

    def test_that_are_no_text_or_not_there(self, new_map: MapFactory, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"key,value\n\xff,1\n")
        assert "not UTF-8 text" in refused("map", "load", *fd_of(new_map(MapType.HASH)), str(tmp_path / "file"))
        assert "cannot read" in refused("map", "load", *fd_of(new_map(MapType.HASH)), str(tmp_path / "none"))

    def test_a_refused_element_is_named(self, new_map: MapFactory, tmp_path: Path) -> None:
        found = new_map(MapType.HASH, entries=2)
        (tmp_path / "file").write_text("key,value\n1,1\n2,2\n3,3\n")
        assert "key 3: bpf(MAP_UPDATE_ELEM): Argument list too long" in refused(
            "map", "load", *fd_of(found), str(tmp_path / "file"), status=2
        )

    def test_values_of_each_cpu(self, new_map: MapFactory, tmp_path: Path) -> None:
        found = new_map(MapType.PERCPU_HASH, 4, 4)
        rows = [(key, cpu, 10 * key + cpu) for key in (1, 2) for cpu in range(CPUS)]
        (tmp_path / "a.csv").write_text("key,cpu,value\n" + "".join(f"{k},{c},{v}\n" for k, c, v in rows))
        printed("map", "load", *fd_of(found), str(tmp_path / "a.csv"))
        values = {one["key"]: one["values"] for one in json_of("map", "dump", *fd_of(found))}
        assert values == {key: [10 * key + cpu for cpu in range(CPUS)] for key in (1, 2)}
        (tmp_path / "b.csv").write_text("key,value\n3,7\n")
        (tmp_path / "c.json").write_text(json.dumps([{"key": 4, "value": 8}, {"key": 5, "values": [9] * CPUS}]))
        for name in ("b.csv", "c.json"):
            printed("map", "load", *fd_of(found), str(tmp_path / name))
        for key, value in ((3, 7), (4, 8), (5, 9)):
            assert printed("map", "get", *fd_of(found), "key", str(key)) == f"[ {f'{value} ' * CPUS}]\n"
        (tmp_path / "d.csv").write_text(f"key,cpu,value\n1,{CPUS},1\n")
        said = refused("map", "load", *fd_of(found), str(tmp_path / "d.csv"))
        assert f'line 2: cpu: "{CPUS}" is not a CPU' in said

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            ("1,0,7", "line 2: key 1 has no line for CPU 1: give one for each CPU"),
            ("2,1,7\n1,1,7\n2,0,8", "line 3: key 1 has no line for CPU 0"),
            ("1,0,7\n1,1,8\n1,0,9", "line 4: CPU 0 of key 1 is given twice: it is in line 2, too"),
        ],
    )
    def test_no_cpu_is_left_out_or_given_twice(
        self, new_map: MapFactory, tmp_path: Path, lines: str, said: str
    ) -> None:
        """The values of those left out would become zero."""
        if CPUS == 1:
            cannot("this machine has one CPU")
        found = new_map(MapType.PERCPU_ARRAY, 4, 4)
        printed("map", "set", *fd_of(found), "key", "1", "value", "5")
        others = "".join(f"\n{key},{cpu},7" for cpu in range(2, CPUS) for key in (1, 2))
        (tmp_path / "a.csv").write_text(f"key,cpu,value\n{lines}{others}\n")
        assert said in refused("map", "load", *fd_of(found), str(tmp_path / "a.csv"))
        (tmp_path / "a.json").write_text(json.dumps([{"key": 1, "values": [9] * (CPUS - 1)}]))
        said = refused("map", "load", *fd_of(found), str(tmp_path / "a.json"))
        assert f"entry 1: values: {CPUS - 1} value" in said and f" for {CPUS} CPUs" in said
        assert json_of("map", "get", *fd_of(found), "key", "1")[0]["values"] == [5] * CPUS

    @pytest.mark.parametrize("style", ["csv", "json"])
    def test_many_entries_come_back(self, new_map: MapFactory, tmp_path: Path, style: str) -> None:
        """More than a batch, and enough for the writer to work beside the reader."""
        count = 50_000
        found, copy = new_map(MapType.HASH, 4, 16, count), new_map(MapType.HASH, 4, 16, count)
        for number in range(count):
            found[word(number)] = struct.pack("<QQ", number * 3, 1 << 63 | number)
        words = ("valuetype", SUMS)
        text = (
            printed("map", "dump", *fd_of(found), *words, "csv")
            if style == "csv"
            else printed("-j", "map", "dump", *fd_of(found), *words)
        )
        assert len(text) > 1 << 20
        (tmp_path / "file").write_text(text)
        printed("map", "load", *fd_of(copy), *words, str(tmp_path / "file"))
        assert dict(copy.items()) == dict(found.items())
        printed("map", "delete", *fd_of(found), "all")
        assert not list(found)
        (tmp_path / "file").write_text(text.replace("\n49999,", "\nx49999,").replace('"key":49999,', '"key":"x49999",'))
        assert '"x49' in refused("map", "load", *fd_of(copy), *words, str(tmp_path / "file"))

    @staticmethod
    def _load(map: Map, redirection: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", *PYTC, "map", "load", "map", "0", "-"],
            input="key,value\n1,2\n",
            text=True,
            timeout=60,
            check=False,
            pass_fds=[map.fd],
            capture_output=True,
            env={**os.environ, "BPF_MAP0": str(map.fd), **SOURCE},
        )

    def test_standard_input(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH)
        done = self._load(found, "")
        assert done.returncode == 0, done.stderr
        assert dict(found.items()) == {word(1): word(2)}

    @pytest.mark.parametrize(
        ("redirection", "message"),
        [
            ("<&-", "standard input is closed: there is nothing to read\n"),
            ("</dev/null", "-: the first line must name the columns: key and value, or parts of them\n"),
        ],
    )
    def test_standard_input_without_a_line(self, new_map: MapFactory, redirection: str, message: str) -> None:
        done = self._load(new_map(MapType.HASH), redirection)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", message)

    def test_pretty(self, new_map: MapFactory) -> None:
        found = new_map(MapType.HASH)
        assert printed("-j", "-p", "map", "dump", *fd_of(found)) == "[ ]\n"
        assert printed("-j", "map", "dump", *fd_of(found)) == "[]\n"
        found[word(1)] = word(2)
        assert json_of("-p", "map", "dump", *fd_of(found)) == [{"key": 1, "value": 2}]
        assert '\n        "key": 1,' in printed("-j", "-p", "map", "dump", *fd_of(found))
