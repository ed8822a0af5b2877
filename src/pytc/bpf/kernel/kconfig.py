"""Fill the ``.kconfig`` map: the kernel's settings as values of the object's types."""

from __future__ import annotations

from pytc.bpf.btf import types as b
from pytc.bpf.object.spec import SETTING
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from pytc.bpf.btf.types import Btf
    from pytc.bpf.kernel.features import Features
    from pytc.bpf.object.spec import ExternSpec, ObjectSpec

_BOOL = 4  # BTF_INT_BOOL
_TRISTATE = {"n": 0, "y": 1, "m": 2}


def kconfig_contents(
    size: int,
    settings: Iterable[ExternSpec],
    btf: Btf,
    *,
    version: Callable[[], int],
    configuration: Callable[[], Mapping[str, str]],
    feature: Callable[[str], bool | None],
    used: Collection[int] | None = None,
) -> bytes:
    """Return the bytes of the ``.kconfig`` map.

    ``feature`` answers for names ``LINUX_HAS_...``, None for a name that pytc does not know. Raises ObjectError for a
    setting that is missing and not weak, or of the wrong kind; not for one that no program uses: ``used`` are the bytes
    that programs refer to, all without it.
    """
    data, known = bytearray(size), None
    for setting in settings:
        if setting.name == "LINUX_KERNEL_VERSION":
            text: str | None = str(version())
        elif setting.name.startswith("LINUX_"):
            answer = feature(setting.name)
            text = None if answer is None else str(int(answer))
        else:
            known = configuration() if known is None else known
            text = known.get(setting.name)
        try:
            value = _convert(setting, text, btf)
        except ObjectError:
            if used is None or any(setting.offset <= at < setting.offset + setting.size for at in used):
                raise
            value = None
        if value is not None:
            data[setting.offset : setting.offset + len(value)] = value
    return bytes(data)


def kernel_settings(spec: ObjectSpec, size: int, features: Features, used: Collection[int] | None = None) -> bytes:
    """Return the contents of ``.kconfig`` for an object and the running kernel, as :func:`kconfig_contents` does."""
    from pytc.bpf.kernel.running import configuration, version_code
    from pytc.bpf.kernel.symbols import has_syscall_wrapper

    def feature(name: str) -> bool | None:
        """Return the answers that libbpf finds itself, both about tracing programs; no configuration has them."""
        if name == "LINUX_HAS_BPF_COOKIE":
            return features.has("bpf_cookie")
        return has_syscall_wrapper() if name == "LINUX_HAS_SYSCALL_WRAPPER" else None

    assert spec.btf is not None
    return kconfig_contents(
        size,
        [setting for setting in spec.externs.values() if setting.kind == SETTING],
        spec.btf,
        version=version_code,
        configuration=configuration,
        feature=feature,
        used=used,
    )


def _convert(setting: ExternSpec, text: str | None, btf: Btf) -> bytes | None:
    if text is None:
        if setting.is_weak:
            return None
        if setting.name.startswith("LINUX_"):
            raise ObjectError(
                f'pytc does not know "{setting.name}" (extern in .kconfig); declare it __weak if it may be missing'
            )
        raise ObjectError(
            f'this kernel\'s configuration has no "{setting.name}" (extern in .kconfig), or '
            "neither /boot nor /proc/config.gz has the configuration; declare it __weak if it may be missing"
        )
    type_id = btf.resolve(setting.type_id)
    if text.startswith('"'):
        return _string(setting, text, btf, type_id)
    if text in _TRISTATE:
        return _tristate(setting, text, btf, type_id)
    return _number(setting, text, btf, type_id)


def _string(setting: ExternSpec, text: str, btf: Btf, type_id: int) -> bytes:
    if btf.kind(type_id) != b.ARRAY or btf.size(btf.array(type_id).element) != 1:
        raise _misfit(setting, text, "char []")
    return text[1:].removesuffix('"').encode()[: max(setting.size - 1, 0)]


def _tristate(setting: ExternSpec, text: str, btf: Btf, type_id: int) -> bytes:
    if btf.kind(type_id) in (b.ENUM, b.ENUM64):
        return _TRISTATE[text].to_bytes(setting.size, "little")
    if btf.kind(type_id) != b.INT:
        raise _misfit(setting, text, "bool, char or enum libbpf_tristate")
    if btf.integer(type_id).encoding & _BOOL:
        if text == "m":
            raise _misfit(setting, text, "enum libbpf_tristate")
        return bytes([_TRISTATE[text]])
    if setting.size == 1:
        return text.encode()
    raise _misfit(setting, text, "bool, char or enum libbpf_tristate")


def _number(setting: ExternSpec, text: str, btf: Btf, type_id: int) -> bytes:
    try:
        number = int(text, 0)
        if btf.kind(type_id) != b.INT or (btf.integer(type_id).encoding & _BOOL and number not in (0, 1)):
            raise ValueError(text)
        return number.to_bytes(setting.size, "little", signed=btf.is_signed(type_id))
    except (ValueError, OverflowError):
        raise _misfit(setting, text, "an integer that can hold it") from None


def _misfit(setting: ExternSpec, text: str, type: str) -> ObjectError:
    return ObjectError(f'"{setting.name}" is {text} in this kernel; the object must declare it as {type}')
