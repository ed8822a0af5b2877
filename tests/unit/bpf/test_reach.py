"""Following constants through instructions: what counts as reached, and what must never be left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf import read_bytes
from pytc.bpf.analyse.reach import KnownValues, reachable_slots
from pytc.bpf.link.linker import link
from tests.elf_writer import EXIT, Relocation, address, code, elf, function, insn, license, mov

NOTHING = KnownValues({}, {}, {})
HELPER = insn(0x85, immediate=7)
STORE, LOAD, STORE_NUMBER = 0x7B, 0x79, 0x7A
FRAME = 10
#: Jumps if the register is 0; moves between registers.
JUMP_IF_0, JUMP_IF_NOT_0, MOVE, ADD, ADD_REGISTER = 0x15, 0x55, 0xBF, 0x07, 0x0F


def walk(*body: bytes, known: KnownValues = NOTHING, functions: tuple[bytes, ...] = (), callback: int = -1) -> set[int]:
    """The reached slots of a program, with functions behind it in its section; the load in slot ``callback`` is of the
    address of the first."""
    size = sum(map(len, body)) // 8
    more = [
        function(f"f{n}", "tc", size + sum(map(len, functions[:n])) // 8, len(one) // 8, binding=0)
        for n, one in enumerate(functions)
    ]
    data = elf(
        code("tc", *body, *functions),
        license(),
        symbols=[function("cls", "tc", 0, size), *more],
        relocations=[Relocation("tc", 8 * callback, "f0")] if callback >= 0 else [],
    )
    spec = read_bytes(data)
    return reachable_slots(link(spec, spec.programs[0]), known)


def test_a_known_branch_goes_one_way() -> None:
    body = (mov(0, 0), insn(JUMP_IF_0, 0, offset=1), HELPER, EXIT)
    assert walk(*body) == {0, 1, 3}
    assert walk(mov(0, 1), *body[1:]) == {0, 1, 2, 3}


def test_an_unknown_branch_goes_both_ways() -> None:
    assert walk(HELPER, insn(JUMP_IF_0, 0, offset=1), mov(0, 0), EXIT) == {0, 1, 2, 3}


def test_an_answer_stands_for_the_number_in_the_instruction() -> None:
    body = (mov(0, 1), insn(JUMP_IF_0, 0, offset=1), HELPER, EXIT)
    assert walk(*body, known=KnownValues({0: 0}, {}, {})) == {0, 1, 3}
    assert walk(*body, known=KnownValues({0: None}, {}, {})) == {0, 1, 2, 3}


def test_wide_numbers_have_both_halves() -> None:
    wide = insn(0x18, 1) + insn(0, immediate=1)  # 1 << 32
    assert walk(wide, insn(JUMP_IF_NOT_0, 1, offset=1), HELPER, mov(0, 0), EXIT) == {0, 2, 4, 5}
    low_half = 0x16
    assert walk(wide, insn(low_half, 1, offset=1), HELPER, mov(0, 0), EXIT) == {0, 2, 4, 5}


def test_known_memory_is_read_at_its_place_and_size() -> None:
    body = (address(1), insn(0x61, 0, 1, 4), insn(JUMP_IF_0, 0, offset=1), HELPER, EXIT)
    assert walk(*body, known=KnownValues({}, {0: 8}, {(12, 4): 0})) == {0, 2, 3, 5}
    for contents in ({(12, 8): 0}, {(8, 4): 0}, {(12, 4): 1}):
        assert 4 in walk(*body, known=KnownValues({}, {0: 8}, contents))


class TestStack:
    def test_keeps_what_is_stored(self) -> None:
        assert walk(
            mov(6, 0),
            insn(STORE, FRAME, 6, -8),
            HELPER,
            insn(LOAD, 6, FRAME, -8),
            insn(JUMP_IF_0, 6, offset=1),
            HELPER,
            EXIT,
        ) == {0, 1, 2, 3, 4, 6}

    def test_is_written_by_functions_that_get_its_address(self) -> None:
        assert 8 in walk(
            mov(6, 0),
            insn(STORE, FRAME, 6, -8),
            insn(MOVE, 1, FRAME),
            insn(ADD, 1, immediate=-16),
            HELPER,
            insn(LOAD, 6, FRAME, -8),
            insn(JUMP_IF_0, 6, offset=2),
            mov(0, 0),
            HELPER,
            EXIT,
        )

    def test_below_an_address_is_not(self) -> None:
        assert 7 not in walk(
            insn(STORE_NUMBER, FRAME, offset=-16),
            insn(MOVE, 1, FRAME),
            insn(ADD, 1, immediate=-8),
            HELPER,
            insn(LOAD, 6, FRAME, -16),
            insn(JUMP_IF_0, 6, offset=2),
            mov(0, 0),
            HELPER,
            EXIT,
        )

    def test_is_not_known_when_an_address_in_it_is_not(self) -> None:
        """r1 = r10 - 8 + what the helper says; *r1 = r0."""
        assert 8 in walk(
            insn(STORE_NUMBER, FRAME, offset=-8),
            HELPER,
            insn(MOVE, 1, FRAME),
            insn(ADD_REGISTER, 1, 0),
            insn(STORE, 1, 0, -8),
            insn(LOAD, 6, FRAME, -8),
            insn(JUMP_IF_0, 6, offset=2),
            mov(0, 0),
            HELPER,
            EXIT,
        )

    def test_parts_that_are_overwritten_are_not_known(self) -> None:
        byte = insn(0x72, FRAME, offset=-5, immediate=1)
        assert 5 in walk(
            insn(STORE_NUMBER, FRAME, offset=-8),
            byte,
            insn(LOAD, 6, FRAME, -8),
            insn(JUMP_IF_0, 6, offset=2),
            mov(0, 0),
            HELPER,
            EXIT,
        )

    def test_of_ways_that_meet_is_what_they_agree_on(self) -> None:
        assert 8 in walk(
            insn(STORE_NUMBER, FRAME, offset=-8),
            HELPER,
            insn(JUMP_IF_0, 0, offset=1),
            insn(STORE_NUMBER, FRAME, offset=-8, immediate=1),
            insn(LOAD, 6, FRAME, -8),
            insn(JUMP_IF_0, 6, offset=2),
            mov(0, 0),
            mov(0, 0),
            HELPER,
            EXIT,
        )


class TestFunctions:
    def call(self, at: int, target: int) -> bytes:
        return insn(0x85, source=1, immediate=target - at - 1)

    def test_get_arguments_and_return_results(self) -> None:
        """f(x) = x: the program leaves out what is behind f(0), not behind f(what the helper says)."""
        echo = insn(MOVE, 0, 1) + EXIT
        body = (mov(1, 0), self.call(1, 5), insn(JUMP_IF_0, 0, offset=1), HELPER, EXIT)
        assert walk(*body, functions=(echo,)) == {0, 1, 2, 4, 5, 6}
        assert 3 in walk(insn(MOVE, 1, 7), *body[1:], functions=(echo,))

    def test_that_two_call_return_what_is_known_of_both(self) -> None:
        echo = insn(MOVE, 0, 1) + EXIT
        assert walk(
            mov(1, 0),
            self.call(1, 6),
            mov(1, 1),
            self.call(3, 6),
            insn(JUMP_IF_0, 0, offset=0),
            EXIT,
            functions=(echo,),
        ) == {*range(8)}

    def test_do_not_know_the_caller_s_stack(self) -> None:
        writes = insn(STORE, 1, 6, 0) + mov(0, 0) + EXIT
        assert 6 in walk(
            insn(STORE_NUMBER, FRAME, offset=-8),
            insn(MOVE, 1, FRAME),
            insn(ADD, 1, immediate=-8),
            self.call(3, 8),
            insn(LOAD, 6, FRAME, -8),
            insn(JUMP_IF_0, 6, offset=1),
            HELPER,
            EXIT,
            functions=(writes,),
        )

    def test_whose_addresses_are_taken_are_reached(self) -> None:
        assert walk(address(2), HELPER, mov(0, 0), EXIT, functions=(mov(0, 0) + EXIT,), callback=0) == {
            0,
            2,
            3,
            4,
            5,
            6,
        }

    def test_that_are_not_called_are_not(self) -> None:
        body = (mov(1, 0), insn(JUMP_IF_0, 1, offset=1), self.call(2, 5), mov(0, 0), EXIT)
        assert walk(*body, functions=(HELPER + EXIT,)) == {0, 1, 3, 4}

    def test_that_never_return_end_there(self) -> None:
        assert walk(self.call(0, 2), EXIT, functions=(insn(0x05, offset=-1) + EXIT,)) == {0, 2}


def test_loops_end() -> None:
    assert walk(mov(1, 0), insn(ADD, 1, immediate=1), insn(0xA5, 1, immediate=1 << 30, offset=-2), EXIT) == {0, 1, 2, 3}


@given(st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=12))
def test_any_instructions_have_a_first_one(junk: list[bytes]) -> None:
    """Whatever they are: nothing raises, and it ends."""
    body = [one if one[0] not in (0x18, 0x85) else EXIT for one in junk]
    assert 0 in walk(*body, EXIT)
