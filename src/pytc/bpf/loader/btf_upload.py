"""Upload BTF the way the kernel takes it: with what compilers leave open, and externs as plain variables."""

from __future__ import annotations

import ctypes
import errno
import struct

from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import HEADER
from pytc.bpf.object.spec import KCONFIG, KSYMS, SETTING
from pytc.bpf.sys.abi import BtfLoadAttr, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.log_buffer import LOG_SIZES, LogBuffer
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError, ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.btf.types import Btf
    from pytc.bpf.kernel.features import Features
    from pytc.bpf.object.spec import ObjectSpec

_KINDS = ("btf_datasec", "btf_float", "btf_decl_tag", "btf_type_tag", "btf_enum64")
_WORD = struct.Struct("<I")
_GLOBAL = 1
_STRINGS = b"int\0dummy_ksym\0"
_INT_NAME, _DUMMY_NAME = 0, 4
_INT_BYTES = 4


def kernel_image(spec: ObjectSpec, btf: Btf) -> bytes:
    """Return the bytes for BPF_BTF_LOAD.

    Sizes of DATASECs and offsets of variables are filled in. The kernel knows no extern linkage of variables, and no
    functions in a DATASEC: variables become global ones of type ``int``, and a dummy takes a function's place.
    """
    sizes, offsets = dict(spec.section_sizes), dict(spec.variable_offsets)
    for extern in spec.externs.values():
        if extern.kind == SETTING:
            offsets[KCONFIG, extern.name] = extern.offset
    if KCONFIG in spec.maps:
        sizes[KCONFIG] = spec.maps[KCONFIG].value_size
    image = btf.for_kernel(sizes, offsets)
    if not spec.externs and not spec.hidden:
        return image
    editor = _Editor(btf, image)
    if spec.externs:
        editor.replace_externs()
    editor.make_static(spec.hidden)
    return editor.image()


def upload(image: bytes, features: Features) -> OwnedFd:
    """Load BTF into the kernel (BPF_BTF_LOAD).

    A kernel that refuses the image gets one without the kinds that it does not know. A kernel without types of its own
    knows no context among the arguments of a global function, and gets static functions. Raises BpfSyscallError, whose
    hint is the kernel's sentence about the type that it refuses.
    """
    if not features.has("kernel_types"):
        from pytc.bpf.loader.btf_downgrade import make_functions_static

        image = make_functions_static(image)
    if features.missing.isdisjoint(_KINDS):
        try:
            return _load(image)
        except BpfSyscallError as error:
            if error.errno != errno.EINVAL:
                raise
            refusal = error
    else:
        refusal = None
    from pytc.bpf.loader.btf_downgrade import downgrade

    simpler = downgrade(image, features)
    try:
        if refusal is not None and simpler == image:
            raise refusal
        return _load(simpler)
    except BpfSyscallError as error:
        if error.errno != errno.EPERM:
            error.hints = tuple(filter(None, [_refused_type(simpler)]))
        raise


def _load(image: bytes) -> OwnedFd:
    data = ctypes.create_string_buffer(image, len(image))
    attr = BtfLoadAttr(btf=pointer(data), btf_size=len(image))
    return OwnedFd(bpf(Command.BTF_LOAD, attr, what="the object's BTF"))


def _refused_type(image: bytes) -> str:
    """Return the kernel's sentence about BTF that it refuses, from its log; empty where it has none."""
    data = ctypes.create_string_buffer(image, len(image))
    for size in LOG_SIZES:
        with LogBuffer(size) as log:
            attr = BtfLoadAttr(btf=pointer(data), btf_size=len(image))
            attr.btf_log_buf, attr.btf_log_size, attr.btf_log_level = log.address, size, 1
            try:
                OwnedFd(bpf(Command.BTF_LOAD, attr)).close()
                return ""
            except BpfSyscallError as error:
                if error.errno != errno.ENOSPC:  # the log was longer than the buffer
                    return last_sentence(log.text(LOG_SIZES[0])[0])
    return ""


def last_sentence(log: str) -> str:
    """Return the last line of a log of BPF_BTF_LOAD; that of a member, which begins with a tab, behind its type's."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    if not lines:
        return ""
    if not lines[-1].startswith("\t"):
        return lines[-1]
    type = next((line for line in reversed(lines) if line.startswith("[")), "")
    return f"{type}, member {lines[-1].strip()}" if type else lines[-1].strip()


class _Editor:
    """An editor of an image whose types are at the offsets of ``btf``'s, counted from the end of the header."""

    def __init__(self, btf: Btf, image: bytes) -> None:
        self._btf = btf
        types_end = HEADER.size + HEADER.unpack_from(image)[5]
        self._types = bytearray(image[HEADER.size : types_end])
        self._strings = image[types_end:]
        self._names = len(image) - types_end

    def make_static(self, names: frozenset[str]) -> None:
        """Make functions static: the kernel verifies a global one by itself, for any arguments, and hidden ones are not
        written for that."""
        for name, candidates in self._btf.named(names, b.FUNC).items():
            for type_id in candidates:
                if self._btf.name(type_id) == name:
                    self._set(type_id, 1, b.FUNC << 24)

    def replace_externs(self) -> None:
        """Turn the entries of .ksyms and .kconfig into global variables."""
        number, dummy = self._append_dummy()
        for section_id, section in self._btf.data_sections():
            if section not in (KSYMS, KCONFIG):
                continue
            variables = self._btf.section_variables(section_id)
            for index, variable in enumerate(variables):
                is_function = self._btf.kind(variable.variable_id) == b.FUNC
                if is_function:
                    self._make_global(variable.variable_id, variable.type_id)
                elif self._btf.kind(variable.variable_id) != b.VAR:
                    raise ObjectError(
                        f".BTF: {section} has type {variable.variable_id}, neither a variable nor a function"
                    )
                else:
                    self._set(variable.variable_id, 3, _GLOBAL)
                if section == KSYMS:
                    if not is_function:
                        self._set(variable.variable_id, 2, number)
                    entry = dummy if is_function else variable.variable_id
                    self._place(section_id, index, entry)
            if section == KSYMS:
                self._set(section_id, 2, _INT_BYTES * len(variables))

    def _set(self, type_id: int, word: int, value: int) -> None:
        _WORD.pack_into(self._types, (self._btf.position(type_id) + word) * 4, value)

    def _place(self, section_id: int, index: int, variable: int) -> None:
        for word, value in enumerate((variable, index * _INT_BYTES, _INT_BYTES)):
            self._set(section_id, 3 + index * 3 + word, value)

    def _make_global(self, function: int, prototype: int) -> None:
        """Make a function global, which takes names for its parameters."""
        self._set(function, 1, b.FUNC << 24 | _GLOBAL)
        for index, (name, type_id) in enumerate(self._btf.parameters(prototype)):
            if not name and type_id:
                self._set(prototype, 3 + index * 2, self._names + _DUMMY_NAME)

    def _append_dummy(self) -> tuple[int, int]:
        """Append an ``int`` and a variable of that type; returns both ids."""
        number = len(self._btf)
        self._strings += _STRINGS
        words = (
            self._names + _INT_NAME,
            b.INT << 24,
            _INT_BYTES,
            1 << 24 | 32,
            self._names + _DUMMY_NAME,
            b.VAR << 24,
            number,
            _GLOBAL,
        )
        self._types += struct.pack("<8I", *words)
        return number, number + 1

    def image(self) -> bytes:
        """Return the edited image."""
        header = HEADER.pack(b.MAGIC, 1, 0, HEADER.size, 0, len(self._types), len(self._types), len(self._strings))
        return header + bytes(self._types) + self._strings
