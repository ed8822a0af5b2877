"""One function for each command: load, attach, and undo in reverse when a step fails."""

from collections.abc import Callable
from importlib import import_module

from pytc.commands import Command
from pytc.documents import Document
from pytc.operations.context import Context

Operation = Callable[[Context, Command], list[Document] | None]

# Where the function for each command lives: imported when the command is run.
_HOMES = {
    "ModifyFilter": ("filters", "modify_filter"),
    "GetFilter": ("filters", "get_filter"),
    "ShowFilters": ("filters", "show_filters"),
    "ModifyQdisc": ("qdiscs", "modify_qdisc"),
    "ShowQdiscs": ("qdiscs", "show_qdiscs"),
    "ModifyClass": ("classes", "modify_class"),
    "ModifyActions": ("actions", "modify_actions"),
    "NamedActions": ("actions", "named_actions"),
    "ShowActions": ("actions", "show_actions"),
    "FlushActions": ("actions", "flush_actions"),
    "ShowClasses": ("classes", "show_classes"),
    "ShowObject": ("objects", "show_object"),
    "LintObject": ("objects", "lint_object"),
    "ConvertObject": ("objects", "convert_object"),
    "CompileExpression": ("cbpf", "compile_program"),
    "AssembleProgram": ("cbpf", "assemble_program"),
    "DisassembleProgram": ("cbpf", "disassemble_program"),
    "RunProgram": ("cbpf", "run_program"),
    "TranslateProgram": ("cbpf", "translate_program"),
}


def run(context: Context, command: Command) -> list[Document] | None:
    """Runs a command; returns what there is to show, a document for each object, None for a command that shows
    nothing. Raises PytcError."""
    module, name = _HOMES[type(command).__name__]
    operation: Operation = getattr(import_module(f"{__name__}.{module}"), name)
    return operation(context, command)
