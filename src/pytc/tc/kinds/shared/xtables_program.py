"""A program of its own that asks libxtables about targets and matches of iptables, for ``xtables_library.py``.

Standard input has a question, NUL between its words. ``target FAMILY NAME [WORD ...]``, or match in its place, is
answered by how many of the words are its own, and struct xt_entry_target or xt_entry_match in hex; ``print HEX`` by
what the target of such a structure says. Errors go to standard error, and the exit status is 1.

It runs beside pytc, because libxtables ends the process where a word is wrong (its ``exit_err`` must not return), and
because its plugins are C code that is given other people's bytes.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

#: The version whose structures are declared below; iptables has had it since 1.6.2, in 2018.
LIBRARY = "libxtables.so.12"
_IPV4, _TRY_LOAD = 2, 2
#: struct xt_entry_target, and struct xt_entry_match: ``target_size u16``, 29 bytes of a name, ``revision u8``.
_HEADER = struct.Struct("=H29sB")
_SECONDS, _BYTES = 5, 1 << 30
_POINTER, _UNSIGNED = ctypes.c_void_p, ctypes.c_uint
#: The library formats an error with up to four arguments, none of them a float.
_EXIT_ERR = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, *[_POINTER] * 4)


class _Globals(ctypes.Structure):
    """struct xtables_globals."""

    _fields_ = (
        ("option_offset", _UNSIGNED),
        ("program_name", ctypes.c_char_p),
        ("program_version", ctypes.c_char_p),
        ("orig_opts", _POINTER),
        ("opts", _POINTER),
        ("exit_err", _EXIT_ERR),
        ("compat_rev", _POINTER),
    )


class _Plugin(ctypes.Structure):
    """struct xtables_target, and up to ``tflags`` (its ``mflags``) struct xtables_match."""

    _fields_ = (
        ("version", ctypes.c_char_p),
        ("next", _POINTER),
        ("name", ctypes.c_char_p),
        ("real_name", ctypes.c_char_p),
        ("revision", ctypes.c_uint8),
        ("ext_flags", ctypes.c_uint8),
        ("family", ctypes.c_uint16),
        ("size", ctypes.c_size_t),
        ("userspacesize", ctypes.c_size_t),
        *(
            (name, _POINTER)
            for name in ("help", "init", "parse", "final_check", "print", "save", "alias", "extra_opts")
        ),
        *((name, _POINTER) for name in ("x6_parse", "x6_fcheck", "x6_options", "xlate")),
        ("udata_size", ctypes.c_size_t),
        ("udata", _POINTER),
        ("option_offset", _UNSIGNED),
        ("t", _POINTER),
        ("tflags", _UNSIGNED),
        ("used", _UNSIGNED),
        ("loaded", _UNSIGNED),
    )


def main() -> int:
    """Answer the question, and return the exit status."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    with open(0, "rb", closefd=False) as question:
        verb, *words = question.read().split(b"\0")
    is_question_of_words = verb in (b"target", b"match")
    try:
        library = _Library(verb, int(words[0]) if is_question_of_words else _IPV4)
    except (OSError, AttributeError) as error:
        _end(f"no libxtables: {error}")
    if is_question_of_words:
        return library.encode(words[1], words[2:])
    return library.show(bytes.fromhex(words[0].decode()))


def _end(text: str) -> NoReturn:
    os.write(2, os.fsencode(text))
    os._exit(1)


class _Library:
    def __init__(self, verb: bytes, family: int) -> None:
        self._is_match = verb == b"match"
        self._libc = ctypes.CDLL(None)
        self._library = ctypes.CDLL(LIBRARY, mode=ctypes.RTLD_GLOBAL)
        self._no_options = ctypes.create_string_buffer(32)  # struct option, all of it 0: the end of a table
        self._exit_err = _EXIT_ERR(self._fail)
        end = ctypes.addressof(self._no_options)
        revision = ctypes.cast(self._library.xtables_compatible_revision, _POINTER)
        self._globals = _Globals(0, b"tc-ipt", b"0.2", end, end, self._exit_err, revision)
        self._find_target, self._find_match = self._library.xtables_find_target, self._library.xtables_find_match
        self._find_target.restype = self._find_match.restype = ctypes.POINTER(_Plugin)
        self._library.xtables_options_xfrm.restype = self._library.xtables_merge_options.restype = _POINTER
        if self._library.xtables_init_all(ctypes.byref(self._globals), family):
            raise OSError(f"{LIBRARY} cannot be used")

    def _fail(self, status: int, format: bytes, *arguments: int | None) -> None:
        self._libc.dprintf(2, format, *(ctypes.c_void_p(argument) for argument in arguments))
        os._exit(1)

    def _find(self, name: bytes) -> _Plugin:
        found = self._find_match(name, _TRY_LOAD, None) if self._is_match else self._find_target(name, _TRY_LOAD)
        if not found:
            _end("failed to find it")
        target: _Plugin = found.contents
        return target

    def encode(self, name: bytes, words: list[bytes]) -> int:
        target = self._find(name)
        size = (_HEADER.size + target.size + 7) & ~7
        entry = ctypes.create_string_buffer(size)
        _HEADER.pack_into(entry, 0, size, target.real_name or target.name, target.revision)
        target.t = ctypes.addressof(entry)
        if target.init:
            ctypes.CFUNCTYPE(None, _POINTER)(target.init)(target.t)
        used = self._read_words(target, words)
        check = self._library.xtables_option_mfcall if self._is_match else self._library.xtables_option_tfcall
        check(ctypes.byref(target))
        raw = ctypes.string_at(target.t, size)
        os.write(1, f"{used} {raw.hex()}".encode())
        return 0

    def _read_words(self, target: _Plugin, words: list[bytes]) -> int:
        offset = ctypes.byref(target, _Plugin.option_offset.offset)
        empty = _POINTER(self._globals.orig_opts)
        if target.x6_options:
            options = self._library.xtables_options_xfrm(empty, empty, _POINTER(target.x6_options), offset)
        else:
            options = self._library.xtables_merge_options(empty, empty, _POINTER(target.extra_opts), offset)
        arguments = (ctypes.c_char_p * (len(words) + 2))(b"tc-ipt", *words, None)
        position = ctypes.c_int.in_dll(self._libc, "optind")
        position.value = 0
        while True:
            option = self._libc.getopt_long(len(words) + 1, arguments, b"+", _POINTER(options), None)
            if option == -1:
                return position.value - 1
            if option == ord("?"):
                _end("")  # getopt_long has said which word is wrong
            if target.x6_parse:
                call = self._library.xtables_option_mpcall if self._is_match else self._library.xtables_option_tpcall
                call(option, arguments, False, ctypes.byref(target), None)
            else:
                parse = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, _POINTER, ctypes.c_int, *[_POINTER] * 3)(
                    target.parse
                )
                flags, entry = (ctypes.addressof(target) + field.offset for field in (_Plugin.tflags, _Plugin.t))
                parse(option - target.option_offset, ctypes.cast(arguments, _POINTER), 0, flags, None, entry)

    def show(self, raw: bytes) -> int:
        _, padded, revision = _HEADER.unpack_from(raw)
        target = self._find(padded.partition(b"\0")[0])
        if target.revision != revision or len(raw) < _HEADER.size + target.size or not target.print:
            _end("another revision")
        entry = ctypes.create_string_buffer(raw, len(raw) + 8)
        ctypes.CFUNCTYPE(None, _POINTER, _POINTER, ctypes.c_int)(target.print)(None, ctypes.addressof(entry), 0)
        self._libc.fflush(None)
        return 0


if __name__ == "__main__":
    os._exit(main())
