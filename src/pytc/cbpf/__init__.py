"""Classic BPF: compile tcpdump expressions, assemble, disassemble, run over captures, translate to eBPF.

>>> from pytc.cbpf import assemble, disassemble, run
>>> program = assemble("ldh [12]; EtherType\\n jne #0x806, drop\\n ret #-1\\n drop: ret #0")
>>> run(program, bytes(12) + b"\\x08\\x06" + bytes(28))
4294967295

Only :func:`compile_expression` needs libpcap; nothing here needs privileges.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytc.bpf.insn.classic import ClassicInstruction
    from pytc.bpf.insn.classic_check import check
    from pytc.cbpf.ancillary import Ancillary
    from pytc.cbpf.assembler import assemble
    from pytc.cbpf.compiler import compile_expression
    from pytc.cbpf.debugger import Debugger
    from pytc.cbpf.disassembler import disassemble
    from pytc.cbpf.formats import format_program, parse_program
    from pytc.cbpf.interpreter import Machine, run
    from pytc.cbpf.pcap import Verdict, run_capture
    from pytc.cbpf.translate import translate

# Where each public name lives: imported at first use.
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

__all__ = [
    "Ancillary",
    "ClassicInstruction",
    "Debugger",
    "Machine",
    "Verdict",
    "assemble",
    "check",
    "compile_expression",
    "disassemble",
    "format_program",
    "parse_program",
    "run",
    "run_capture",
    "translate",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
