"""What loads of the same object have in common, for those who load it again and again."""

from collections.abc import Callable, Sequence
from types import TracebackType

from pytc.bpf import elf
from pytc.bpf.btf_upload import kernel_image, upload
from pytc.bpf.constants import ProgramType
from pytc.bpf.descriptor import OwnedFd
from pytc.bpf.features import Features
from pytc.bpf.preparing import Prepared, prepare
from pytc.bpf.reader import read_object_bytes
from pytc.bpf.spec import ObjectSpec, ProgramSpec

_MOST_OBJECTS = 16
_MOST_LINKED = 64


class ObjectCache:
    """Keeps what files mean, their linked programs, and their types in the kernel. Close it, or use it in a ``with``
    block.

    A file is read each time, and taken for the same while its bytes are. Parameters (:mod:`pytc.bpf.parameters`) may
    differ from load to load. What depends on which modules the kernel has loaded is not kept.

    >>> with ObjectCache() as cache:
    ...     for port in 80, 443:
    ...         spec = parameterise(cache.read("bpf.o"), Parameters({"port": port}))
    ...         load(spec, select_program(spec), cache=cache)
    """

    def __init__(self) -> None:
        self.features = Features()
        self._kept: dict[tuple[str, str], _Kept] = {}

    def read(self, path: str, *, layout20: str = "") -> ObjectSpec:
        """As :func:`pytc.bpf.read_object`, with the same errors."""
        data = elf.read_file(path)
        kept = self._kept.get((path, layout20))
        if kept is not None and kept.spec.image == data:
            return kept.spec
        spec = read_object_bytes(data, path, layout20=layout20)
        self._forget((path, layout20))
        if len(self._kept) >= _MOST_OBJECTS:
            self._forget(next(iter(self._kept)))
        self._kept[path, layout20] = _Kept(spec)
        return spec

    def prepared(self, spec: ObjectSpec, wanted: Sequence[tuple[ProgramSpec, ProgramType]], kernel_btf: str,
                 open_module: Callable[[int], int]) -> Prepared:
        """As :func:`pytc.bpf.preparing.prepare`."""
        kept, key = self._of(spec), (tuple(wanted), kernel_btf)
        if kept is not None and key in kept.prepared:
            return kept.prepared[key]
        made = prepare(spec, wanted, kernel_btf, open_module)
        if kept is not None and made.is_lasting and len(kept.prepared) < _MOST_LINKED:
            kept.prepared[key] = made
        return made

    def btf(self, spec: ObjectSpec) -> int | None:
        """The descriptor of an object's types in the kernel, which the cache owns; None for an object that it did not
        read. Raises BpfSyscallError."""
        kept = self._of(spec)
        if kept is None or spec.btf is None:
            return None
        if kept.btf is None:
            kept.btf = upload(kernel_image(spec, spec.btf), self.features)
        return kept.btf.fd

    def _of(self, spec: ObjectSpec) -> "_Kept | None":
        """What is kept of the object that a spec was made of."""
        return next((kept for kept in self._kept.values() if kept.is_of(spec)), None)

    def _forget(self, key: tuple[str, str]) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None and kept.btf is not None:
            kept.btf.close()

    def close(self) -> None:
        while self._kept:
            self._forget(next(iter(self._kept)))

    def __enter__(self) -> "ObjectCache":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


class _Kept:
    """An object, and what was made of it."""

    def __init__(self, spec: ObjectSpec) -> None:
        self.spec = spec
        self.prepared: dict[object, Prepared] = {}
        self.btf: OwnedFd | None = None
        self._maps = _shapes(spec)

    def is_of(self, spec: ObjectSpec) -> bool:
        """Whether all that linking and types depend on is the same."""
        own = self.spec
        if spec is own:
            return True
        return (spec.image is own.image and spec.sections is own.sections and spec.programs is own.programs
                and spec.externs is own.externs and spec.btf is own.btf and spec.btf_ext is own.btf_ext
                and _shapes(spec) == self._maps)


def _shapes(spec: ObjectSpec) -> list[tuple[object, ...]]:
    return [(one.name, one.type, one.id, one.slots, one.value_size) for one in spec.maps.values()]
