"""``object``: show, lint, convert. They read a file, and ask neither the kernel nor for privileges."""

from pytc.bpf.object.reader import read_object
from pytc.bpf.sys.constants import ProgramType
from pytc.commands.shared.context import Context
from pytc.commands.values import ConvertObject, LintObject, ShowObject
from pytc.render.documents import Document, Field


def show_object(context: Context, command: ShowObject) -> list[Document]:
    """What an object holds; raises ObjectError."""
    from pytc.bpf.analyse.inspect import inspect_object
    from pytc.commands.object.documents import inspection_document

    inspection = inspect_object(read_object(command.path, layout20=context.layout20))
    return [inspection_document(inspection, details=context.shown.details)]


def lint_object(context: Context, command: LintObject) -> list[Document]:
    """What is wrong with an object; sets the context's status where that is an error. Raises ObjectError."""
    from pytc.bpf.analyse.findings import ERROR
    from pytc.bpf.analyse.lint import lint_file
    from pytc.commands.object.documents import findings_document

    findings = lint_file(
        command.path, version=command.kernel, type=ProgramType(command.type), layout20=context.layout20
    )
    if any(finding.severity == ERROR for finding in findings):
        context.has_failed = True
    return [findings_document(command.path, findings)]


def convert_object(context: Context, command: ConvertObject) -> list[Document]:
    """The maps of section ``maps`` as C source; raises ObjectError."""
    from pytc.bpf.analyse.convert import convert_maps

    source = convert_maps(read_object(command.path, layout20=context.layout20))
    return [[Field("object", command.path), Field("source", source, source)]]
