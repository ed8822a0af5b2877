"""docs/python.md, the reference of the library: signatures and docstrings of its public names; and their record."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytc
from pytc import errors, features

#: The public names of the package, by what they are for.
GROUPS: dict[str, tuple[str, ...]] = {
    "Load objects": ("load", "Object", "Program", "Map", "create_map", "Variables", "PacketResult"),
    "Attach programs": (
        "Attachment",
        "FilterAttachment",
        "DeviceAttachment",
        "CgroupAttachment",
        "XdpAttachment",
        "create_clsact",
        "attach_filter",
        "detach_filter",
        "AttachedFilter",
    ),
    "Events and changes": ("Event", "EventStream", "MapWatch", "ElementChange", "monitor", "Monitor", "TrafficChange"),
    "List what is there": (
        "hooks",
        "attachments",
        "cgroup_programs",
        "filters",
        "Filter",
        "qdiscs",
        "Qdisc",
        "classes",
        "TrafficClass",
        "chains",
        "Chain",
        "actions",
        "Action",
        "programs",
        "maps",
        "links",
        "Link",
        "pins",
        "Pin",
    ),
    "Other changes of traffic control": ("command",),
    "Namespaces, processes, other libraries": ("netns", "receive_maps", "ReceivedMaps", "from_pyroute2"),
    "Files and errors": ("lint", "inspect", "explain", "PytcError", "VerifierError"),
    "Numbers of the kernel": ("MapType", "ProgramType"),
}
_HEAD = """\
<!-- Generated from the docstrings of src/pytc by "make docs". -->

# Reference of the library

`import pytc` has all of this; [library.md](library.md) is the introduction, and says what stays as it is from one
version to the next. Examples run as tests, with `firewall` and `traffic` loaded from `examples/bpf`, at a device `em1`.
"""
_ROLE = re.compile(r":(?:func|class|meth|mod|data|attr):`(?:~)?([^`]+)`")
_INHERITED = ("Closing", "Value", "object", "MutableMapping", "Mapping", "ABC", "tuple", "NamedTuple", "Generic")


def document() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_body()]).rstrip() + "\n"


def _body() -> Iterator[str]:
    for group, names in GROUPS.items():
        yield f"## {group}\n"
        for name in names:
            yield from _entry(f"pytc.{name}", getattr(pytc, name), "###")
    yield "## pytc.features\n"
    yield _text(features.__doc__ or "")
    for name in features.__all__:
        yield from _entry(f"pytc.features.{name}", getattr(features, name), "###")
    yield "## pytc.errors\n"
    yield from _errors()


def _errors() -> Iterator[str]:
    yield "All errors of pytc on purpose are kinds of `PytcError`:\n"
    for name, kind in _error_classes():
        depth = len([base for base in kind.__mro__ if base.__module__ == errors.__name__]) - 1
        summary = _text(inspect.getdoc(kind) or "").split("\n\n")[0].strip().replace("\n", " ")
        yield f"{'  ' * depth}- `{name}`: {summary}"


def _error_classes() -> list[tuple[str, type]]:
    """Return the errors, each behind the one that it is a kind of."""
    classes = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.PytcError)]

    def path(kind: type) -> list[str]:
        own = [base.__name__ for base in reversed(kind.__mro__) if base in classes]
        return own if own[-1] == kind.__name__ else [*own, kind.__name__]

    return [(kind.__name__, kind) for kind in sorted(classes, key=path)]


def _entry(title: str, value: Any, heading: str) -> Iterator[str]:
    if inspect.isclass(value):
        yield f"{heading} {title}\n"
        yield _text(inspect.getdoc(value) or "")
        others = [base for base in value.__mro__[1:] if base.__name__ in pytc.__all__]
        members = [
            (name, member)
            for name, member in _members(value)
            if not any(vars(base).get(name) is member for base in others)
        ]
        for name, member in members:
            yield _member(name, member)
        yield from ("",) if members else ()
        return
    yield f"{heading} {title}\n"
    signature = _signature(value)
    yield f"```text\n{title}{_folded(signature)}\n```\n"
    yield _text(inspect.getdoc(value) or "")


def _folded(signature: str) -> str:
    """Return a long signature with each parameter on a line of its own."""
    if len(signature) < 90:
        return signature
    inner, _, rest = signature[1:].rpartition(")")
    return "(\n" + "".join(f"    {word},\n" for word in re.split(r", (?=\w+: |\*)", inner)) + f"){rest}"


def _member(name: str, member: Any) -> str:
    function = getattr(member, "__func__", member)
    if not callable(function):
        return f"- **{name}**: {_inline(inspect.getdoc(member) or '')}"
    return f"- **{name}**`{_signature(function, drop_self=True)}`: {_inline(inspect.getdoc(function) or '')}"


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class, and of its own bases; of numbers of the kernel, none."""
    if issubclass(kind, (int, BaseException)):
        return
    seen = set()
    for base in kind.__mro__:
        if base.__name__ in _INHERITED:
            continue
        for name, member in vars(base).items():
            is_documented = bool(getattr(getattr(member, "__func__", member), "__doc__", None))
            gives_up = base.__name__ == "OwnedFd" and name == "detach"  # for owners of descriptors, not for users
            if gives_up or name.startswith("_") or name in seen or not is_documented or isinstance(member, type):
                continue
            if callable(member) or isinstance(member, (property, classmethod)):
                seen.add(name)
                yield name, member


def _signature(function: Any, *, drop_self: bool = False) -> str:
    """Return the parameters and the result of a function, as its source has them: at run time they depend on Python's
    version."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    plain = node.args.args[1:] if drop_self else node.args.args
    defaults = [None] * (len(plain) - len(node.args.defaults)) + list(node.args.defaults)
    words = [_parameter(*pair) for pair in zip(plain, defaults, strict=True)]
    if node.args.kwonlyargs:
        words.append("*")
        words += [_parameter(*pair) for pair in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
    returns = _annotation(node.returns)
    return f"({', '.join(words)}){f' -> {returns}' if returns != 'None' else ''}"


def _parameter(parameter: ast.arg, default: ast.expr | None) -> str:
    text = f"{parameter.arg}: {_annotation(parameter.annotation)}"
    return text if default is None else f"{text} = {ast.unparse(default)}".replace(" = _UNSET", " = ...")


def _annotation(annotation: ast.expr | None) -> str:
    if annotation is None:
        return ""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _annotation(ast.parse(annotation.value, mode="eval").body)
    text = re.sub(r"'([^']*)'", r"\1", ast.unparse(annotation)) if "Literal" not in ast.unparse(annotation) else ""
    text = text or ast.unparse(annotation)
    return re.sub(r"\b_\w+\b", "Self", re.sub(r"\b(?:attacher|kernel|loader)\.", "", text)).replace(
        "type[Self]", "type"
    )


def _inline(docstring: str) -> str:
    """Return a docstring for an item of a list."""
    return _text(docstring).strip().replace("\n", "\n  ").replace("\n  \n", "\n\n")


def _text(docstring: str) -> str:
    """Return a docstring as Markdown."""
    lines, in_example = [], False
    for line in inspect.cleandoc(docstring).splitlines():
        is_example = line.startswith((">>> ", "... ")) or (in_example and bool(line.strip()))
        if is_example != in_example:
            lines.append("```pycon" if is_example else "```")
            in_example = is_example
        lines.append(line if is_example else _ROLE.sub(r"`\1`", line).replace("``", "`"))
    if in_example:
        lines.append("```")
    return "\n".join(lines) + "\n"


def surface() -> str:
    """Return the record of the public names: a line for each function, class, method and property, with types."""
    lines: list[str] = []
    for name in sorted({*pytc.__all__}):
        lines += _recorded(name, getattr(pytc, name))
    lines += [line for name in features.__all__ for line in _recorded(f"features.{name}", getattr(features, name))]
    for name, kind in _error_classes():
        bases = ", ".join(base.__name__ for base in kind.__bases__)
        lines.append(f"errors.{name}({bases})")
    return "\n".join(lines) + "\n"


def _recorded(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, ModuleType):
        yield f"{name}: {', '.join(sorted(getattr(value, '__all__', ())))}".rstrip(": ")
    elif isinstance(value, str):
        yield f"{name}: str"
    elif inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {name}({bases})"
        fields = (*getattr(value, "_fields", ()), *getattr(value, "__slots__", ()))
        yield from (f"{name}.{field}" for field in sorted({*fields}) if not field.startswith("_"))
        for member_name, member in sorted(_members(value), key=lambda pair: pair[0]):
            if isinstance(member, property):
                yield f"{name}.{member_name}"
            else:
                function = getattr(member, "__func__", member)
                yield f"{name}.{member_name}{_signature(function, drop_self=True)}"
    else:
        yield f"{name}{_signature(value)}"
