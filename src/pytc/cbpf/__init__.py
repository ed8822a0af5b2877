"""Classic BPF: compile tcpdump expressions, assemble, disassemble, run over captures, translate to eBPF.

>>> from pytc.cbpf import assemble, disassemble, run
>>> program = assemble("ldh [12]; EtherType\\n jne #0x806, drop\\n ret #-1\\n drop: ret #0")
>>> run(program, bytes(12) + b"\\x08\\x06" + bytes(28))
4294967295

Only :func:`compile_expression` needs libpcap; nothing here needs privileges.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.insn.classic import ClassicInstruction as ClassicInstruction
    from pytc.bpf.insn.classic_check import check as check
    from pytc.cbpf.ancillary import Ancillary as Ancillary
    from pytc.cbpf.assembler import assemble as assemble
    from pytc.cbpf.compiler import compile_expression as compile_expression
    from pytc.cbpf.debugger import Debugger as Debugger
    from pytc.cbpf.disassembler import disassemble as disassemble
    from pytc.cbpf.formats import format_program as format_program
    from pytc.cbpf.formats import parse_program as parse_program
    from pytc.cbpf.interpreter import Machine as Machine
    from pytc.cbpf.interpreter import run as run
    from pytc.cbpf.pcap import Verdict as Verdict
    from pytc.cbpf.pcap import run_capture as run_capture
    from pytc.cbpf.translate import translate as translate

# The module of each public name, imported at its first use. Type checkers read the imports above;
# tests/test_architecture.py compares the two.
_HOMES = {
    "Ancillary": "pytc.cbpf.ancillary",
    "ClassicInstruction": "pytc.bpf.insn.classic",
    "Debugger": "pytc.cbpf.debugger",
    "Machine": "pytc.cbpf.interpreter",
    "Verdict": "pytc.cbpf.pcap",
    "assemble": "pytc.cbpf.assembler",
    "check": "pytc.bpf.insn.classic_check",
    "compile_expression": "pytc.cbpf.compiler",
    "disassemble": "pytc.cbpf.disassembler",
    "format_program": "pytc.cbpf.formats",
    "parse_program": "pytc.cbpf.formats",
    "run": "pytc.cbpf.interpreter",
    "run_capture": "pytc.cbpf.pcap",
    "translate": "pytc.cbpf.translate",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
