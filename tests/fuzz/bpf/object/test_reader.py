"""Damaged object files: an error of pytc's own or a specification, and nothing else. Needs no kernel."""

from __future__ import annotations

import os
import random
import resource
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest

from pytc.bpf import read_bytes
from pytc.bpf.kernel.types import KernelTypes
from pytc.bpf.link.core_relocations import CoreResolver
from pytc.bpf.link.linker import link
from pytc.bpf.link.tail_calls import tail_calls
from pytc.bpf.loader.btf_upload import kernel_image
from pytc.bpf.object import elf
from pytc.bpf.object.spec import ObjectSpec
from pytc.errors import BpfError, ObjectError
from tests.conftest import OBJECTS, Compiler

COUNT = int(os.environ.get("PYTC_FUZZ_COUNT", "5000"))
SEED = int(os.environ.get("PYTC_FUZZ_SEED", "2015"))
SECONDS_FOR_ONE = 5
ROOM = 1 << 30
#: Of each kind of content one, small ones.
NAMES = (
    "legacy36",
    "legacy_inner",
    "legacy_tail",
    "modern_maps",
    "modern_inner",
    "modern_prog_array",
    "modern_globals",
    "modern_subprogs",
    "kconfig",
    "kfunc",
    "core_field",
    "core_enum",
    "core_bitfield",
    "callback",
    "globals_struct",
    "static_in_function",
)
_INTERESTING = (
    0,
    1,
    2,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 32,
    1 << 63,
    0xFFFFFFFFFFFFFFFF,
)


class Region(NamedTuple):
    """A part of a file that is worth damaging."""

    name: str
    start: int
    size: int


@pytest.fixture(scope="module")
def objects(build: Compiler) -> dict[str, bytes]:
    """The bytes of real objects."""
    names = [name for name in NAMES if (OBJECTS / f"{name}.c").exists()]
    return {name: Path(build(name)).read_bytes() for name in names}


@contextmanager
def bounded() -> Iterator[None]:
    """No case takes long, as the processor counts its time, and none takes much memory."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"still at it after {SECONDS_FOR_ONE} s")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        in_use = int(file.read().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGPROF, give_up)
    resource.setrlimit(resource.RLIMIT_AS, (in_use + ROOM, limits[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGPROF, before)


def regions(data: bytes) -> list[Region]:
    """The header, the section headers, and the contents of the sections that are read."""
    image = elf.parse(data)
    table, count = struct.unpack_from("<Q", data, 40)[0], len(image.sections)
    found = [Region("header", 0, 64), Region("sections", table, 64 * count)]
    for section in image.sections:
        start = struct.unpack_from("<Q", data, table + 64 * section.number + 24)[0]
        if section.data and not section.name.startswith((".debug", ".rel.debug", ".llvm", ".eh_frame")):
            found.append(Region(section.name, start, len(section.data)))
    return found


def use(data: bytes) -> ObjectSpec | None:
    """All that is made of an object without a kernel; None where pytc says that it cannot be read."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS_FOR_ONE)
    try:
        spec = read_bytes(data, "fuzz.o")
    except ObjectError as error:
        assert str(error)
        return None
    for step in (_link, tail_calls, _upload):
        try:
            step(spec)
        except BpfError as error:
            assert str(error)
    return spec


def _link(spec: ObjectSpec) -> None:
    """Links every program; for CO-RE the object's own types stand in for the kernel's."""
    core = None
    if spec.btf is not None and spec.btf_ext is not None:
        btf = spec.btf
        core = CoreResolver(btf, spec.btf_ext, KernelTypes(lambda: btf))
    for program in spec.programs:
        try:
            link(spec, program, core)
        except BpfError as error:
            assert str(error)


def _upload(spec: ObjectSpec) -> None:
    if spec.btf is not None:
        kernel_image(spec, spec.btf)


def damaged(data: bytes, places: list[Region], chance: random.Random) -> bytes:
    """The bytes with one to four mutations, some of them of whole words, some of them cut."""
    result = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        place = chance.choice(places)
        at = place.start + chance.randrange(place.size)
        kind = chance.randrange(10)
        if kind < 4:
            result[at] ^= 1 << chance.randrange(8)
        elif kind < 8:
            at -= (at - place.start) % 4
            width = chance.choice((2, 4, 8))
            value = chance.choice((*_INTERESTING, len(data), place.size, at)) + chance.choice((-1, 0, 0, 1))
            result[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, "little")
        elif kind < 9:
            other = chance.choice(places)
            length = chance.randrange(1, 33)
            source = other.start + chance.randrange(other.size)
            result[at : at + length] = data[source : source + length].ljust(length, b"\0")
        else:
            result[at] = chance.randrange(256)
    return bytes(result[: len(data)])


def shortened(data: bytes, section: int, size: int) -> bytes:
    """The file with a section that ends earlier."""
    table = struct.unpack_from("<Q", data, 40)[0]
    result = bytearray(data)
    struct.pack_into("<Q", result, table + 64 * section + 32, size)
    return bytes(result)


@pytest.mark.parametrize("name", ["legacy36", "modern_inner", "modern_subprogs", "core_field", "kconfig"])
def test_a_file_cut_off_at_any_byte_is_an_error(objects: dict[str, bytes], name: str) -> None:
    data = objects[name]
    with bounded():
        for length in range(len(data)):
            signal.setitimer(signal.ITIMER_PROF, SECONDS_FOR_ONE)
            with pytest.raises(ObjectError):
                read_bytes(data[:length])


@pytest.mark.parametrize("name", ["legacy36", "modern_inner", "modern_subprogs", "core_field", "kconfig"])
def test_a_section_cut_off_at_any_byte_does_no_harm(objects: dict[str, bytes], name: str) -> None:
    data = objects[name]
    wanted = [
        section
        for section in elf.parse(data).sections
        if section.data and not section.name.startswith((".debug", ".rel.debug", ".llvm", ".eh_frame"))
    ]
    with bounded():
        for section in wanted:
            step = 1 if len(section.data) < 512 else 5
            for size in range(0, len(section.data), step):
                use(shortened(data, section.number, size))


@pytest.mark.timeout(3600)
def test_random_damage_does_no_harm(objects: dict[str, bytes]) -> None:
    chance = random.Random(SEED)
    places = {name: regions(data) for name, data in objects.items()}
    survived = 0
    with bounded():
        for number in range(COUNT):
            name = chance.choice(sorted(objects))
            data = damaged(objects[name], places[name], chance)
            try:
                survived += use(data) is not None
            except BaseException as error:
                kept = Path(os.environ.get("PYTC_FUZZ_KEEP", "/tmp")) / f"pytc-fuzz-{SEED}-{number}-{name}.o"
                kept.write_bytes(data)
                raise AssertionError(f"mutation {number} of {name}, kept in {kept}: {error!r}") from error
    assert COUNT // 10 < survived < COUNT


@pytest.mark.parametrize("name", ["legacy36", "modern_inner", "core_field"])
def test_every_byte_of_the_headers_can_be_wrong(objects: dict[str, bytes], name: str) -> None:
    data = objects[name]
    table, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
    with bounded():
        for at in (*range(64), *range(table, table + 64 * count, 3)):
            for value in (0, 0x7F, 0xFF):
                result = bytearray(data)
                result[at] = value
                use(bytes(result))


@pytest.mark.parametrize("length", [0, 1, 4, 63, 64, 65, 1000])
def test_noise_is_an_error(length: int) -> None:
    chance = random.Random(length)
    for _ in range(200):
        noise = chance.randbytes(length)
        for data in (noise, b"\x7fELF\2\1\1" + noise, b"\x7fELF\2\1\1" + bytes(9) + b"\1\0\xf7\0" + noise):
            with bounded(), pytest.raises(ObjectError):
                read_bytes(data)
