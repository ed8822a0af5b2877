"""``pytc.load``: programs, maps and variables of an object by name, and what wrong names and files are told."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import pytest

import pytc
from pytc.errors import ArgumentError, ClosedError, NameNotFoundError, ObjectError
from tests.conftest import EXAMPLES, Compiler

pytestmark = pytest.mark.kernel

TRAFFIC = EXAMPLES / "traffic.o"


def test_programs_and_maps_are_attributes_and_items(root: None) -> None:
    with pytc.load(TRAFFIC) as traffic:
        assert list(traffic.programs) == ["count_protocols", "drop_icmp"]
        assert list(traffic.maps) == ["protocols", "drops"]
        assert traffic.programs.drop_icmp is traffic.programs["drop_icmp"]
        assert traffic.maps.get("nothing") is None
        assert traffic.maps[".bss"].type == "array"  # of variables: not listed, but there
        assert {"protocols", "drops"} <= {*dir(traffic.maps)}
        assert "count_protocols" in dir(traffic.programs)
        assert "counting" in dir(traffic.variables)


def test_sources_are_paths_bytes_and_files(root: None) -> None:
    data = TRAFFIC.read_bytes()
    with TRAFFIC.open("rb") as file:
        for source in (str(TRAFFIC), TRAFFIC, data, file):
            with pytc.load(source, programs="drop_icmp") as traffic:
                assert list(traffic.programs) == ["drop_icmp"]
    with TRAFFIC.open() as text, pytest.raises((ArgumentError, UnicodeDecodeError)):
        pytc.load(text)  # type: ignore[arg-type]


def test_programs_are_chosen_by_name_and_by_section(root: None) -> None:
    with pytc.load(TRAFFIC, programs=["drop", "count_protocols"]) as traffic:
        assert list(traffic.programs) == ["drop_icmp", "count_protocols"]
    with pytest.raises(NameNotFoundError, match="its programs: count_protocols, drop_icmp"):
        pytc.load(TRAFFIC, programs="drop_icmpp")
    with pytc.load(TRAFFIC, programs="drop_icmp") as traffic:
        assert traffic.program is traffic.programs.drop_icmp
    with pytc.load(TRAFFIC) as traffic, pytest.raises(NameNotFoundError, match="has 2 programs"):
        assert traffic.program


def test_programs_for_slots_are_loaded_where_they_are_reached(root: None, build: Compiler) -> None:
    with pytc.load(build("legacy_tail"), pin=False) as tail:
        assert list(tail.programs) == ["cls_main", "nowhere"]  # a slot of no array, and not first_call
        assert "not pinned" in " ".join(tail.notes)


def test_wrong_names_are_told_the_right_ones(root: None) -> None:
    with pytc.load(TRAFFIC) as traffic:
        for wrong in (
            lambda: traffic.maps.drop,
            lambda: traffic.maps["drop"],
            lambda: traffic.variables.count,
            lambda: traffic.programs.drop,
        ):
            with pytest.raises(NameNotFoundError, match="its ") as caught:
                wrong()
            assert isinstance(caught.value, (KeyError, AttributeError))
            assert str(caught.value).startswith('object "traffic.o" has no ')
        assert not hasattr(traffic.maps, "drop")
    with pytest.raises(ArgumentError, match="no type of programs"):
        pytc.load(TRAFFIC, type="sched")
    with pytest.raises(ObjectError, match="No such file"):
        pytc.load("missing.o")


def test_parameters_of_a_load(root: None) -> None:
    with pytc.load(TRAFFIC, set={"counting": 0, "header_bytes": 3}, max_entries={"protocols": 7}) as traffic:
        assert (traffic.variables.counting, traffic.variables.header_bytes) == (0, 3)
        assert traffic.maps.protocols.max_entries == 7
    with pytest.raises(pytc.PytcError, match="no global variable"):
        pytc.load(TRAFFIC, set={"contin": 0})


def test_pins_are_made_and_found_again(bpffs: Path) -> None:
    firewall = EXAMPLES / "firewall.o"
    with pytc.load(firewall, pin=str(bpffs)) as first, pytc.load(firewall, pin=str(bpffs)) as second:
        assert first.maps.verdicts.id == second.maps.verdicts.id
        assert str(bpffs / "tc" / "globals" / "verdicts") in first.pins
        assert second.pins == ()
    with pytest.raises(pytc.errors.MapMismatchError) as caught:
        pytc.load(firewall, pin=str(bpffs), max_entries={"verdicts": 5})
    assert caught.value.hints[0] == 'max_entries={"verdicts": 1024} in pytc.load() takes it as it is'
    assert not [hint for hint in caught.value.hints if "pytc map" in hint]
    with pytc.load(firewall, pin=False, reuse={"verdicts": str(bpffs / "tc" / "globals" / "verdicts")}) as third:
        assert third.pins == ()


def test_variables_change_while_the_program_runs(root: None) -> None:
    with pytc.load(TRAFFIC) as traffic:
        counts, variables = traffic.programs.count_protocols, traffic.variables
        counts.run("eth ip udp")
        assert variables.total_packets == 1
        variables.counting = False
        counts.run("eth ip udp")
        assert variables.total_packets == 1
        variables["counting"] = 1
        variables.total_packets = 41
        counts.run("eth ip udp")
        assert variables.total_packets == 42
        assert list(variables) == ["total_packets", "counting", "header_bytes"]
        with pytest.raises(pytc.errors.MapElementError, match="is a constant") as caught:
            variables.header_bytes = 3
        assert "set={" in caught.value.hints[0]
        with pytest.raises(pytc.errors.CodecError, match='variable "counting": '):
            variables.counting = "maybe"


def test_variables_that_are_structures(root: None, build: Compiler) -> None:
    with pytc.load(build("globals_struct")) as loaded:
        for name in loaded.variables:
            value = loaded.variables[name]
            if not loaded.spec.maps[loaded.variables._places[name].map].frozen:
                loaded.variables[name] = value
            assert loaded.variables[name] == value


def test_representations_are_short(root: None) -> None:
    with pytc.load(TRAFFIC) as traffic:
        shown = [repr(one) for one in (traffic, traffic.spec, traffic.programs, traffic.maps, traffic.variables)]
        assert shown[0] == "<Object 'traffic.o' programs count_protocols, drop_icmp; maps protocols, drops>"
        assert all(len(one) < 200 for one in shown)
        program, map = traffic.programs.drop_icmp, traffic.maps.drops
        assert repr(program) == f"<Program 'drop_icmp' sched_cls id {program.id}>"
        assert repr(map) == f"<Map 'drops' array id {map.id}>"
    assert repr(program) == "<Program 'drop_icmp' closed>"
    assert repr(map) == "<Map 'drops' array closed>"


def test_what_is_closed_says_so(root: None) -> None:
    with pytc.load(TRAFFIC) as traffic:
        pass
    for use in (
        lambda: traffic.maps.protocols[6],
        lambda: traffic.programs.drop_icmp.run("eth ip udp"),
        lambda: traffic.programs.drop_icmp.attach_filter("lo", "ingress"),
    ):
        with pytest.raises(ClosedError, match="closed"):
            use()


def test_steps_are_logged(root: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="pytc"), pytc.load(TRAFFIC, programs="drop_icmp") as traffic:
        pass
    text = caplog.text
    assert "read traffic.o: programs count_protocols, drop_icmp; maps protocols" in text
    assert "loaded <Program 'drop_icmp' sched_cls id" in text
    assert "loaded traffic.o in" in text
    assert traffic.name == "traffic.o"


def test_the_verifiers_words_are_kept(root: None, build: Compiler) -> None:
    with pytc.load(TRAFFIC, verbose=True) as traffic:
        assert "processed" in traffic.logs["drop_icmp"]
    with pytest.raises(pytc.VerifierError) as caught:
        pytc.load(build("reject_verifier", loads=False))
    assert caught.value.log
    assert caught.value.errno


def test_packets_of_other_libraries(root: None) -> None:
    class Packet:
        def __bytes__(self) -> bytes:
            return bytes(12) + b"\x08\x00" + bytes(50)

    with pytc.load(TRAFFIC, programs="drop_icmp") as traffic:
        for packet in (Packet(), bytes(Packet()), bytearray(bytes(Packet())), memoryview(bytes(Packet()))):
            assert traffic.program.run(packet).verdict == "TC_ACT_OK"
        result = traffic.program.run("eth ip icmp type 8", context={"mark": 7}, repeat=3)
        assert (result.verdict, result.context["mark"], result.differences) == ("TC_ACT_SHOT", 7, [])


def test_programs_tell_what_they_are(root: None, tmp_path: Path, bpffs: Path) -> None:
    with pytc.load(TRAFFIC) as traffic:
        program = traffic.programs.count_protocols
        assert (program.name, program.type, len(program.tag)) == ("count_protocols", "sched_cls", 16)
        assert program.info.map_ids
        assert program.fileno() == program.fd
        program.pin(str(bpffs / "counts"))
        with pytc.Program.from_pin(str(bpffs / "counts")) as again:
            assert (again.id, again.name) == (program.id, "count_protocols"[:15])
            assert again.run("eth ip udp").verdict == "TC_ACT_OK"


def test_errors_travel_between_processes() -> None:
    error = NameNotFoundError("no such thing", hints=("try another",))
    assert str(error) == "no such thing"
    assert str(pickle.loads(pickle.dumps(error))) == "no such thing"
