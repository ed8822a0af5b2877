"""Elements of a map: from words to bytes, and from bytes to text and JSON."""

from __future__ import annotations

from pytc.bpf.codec.columns import Renderer
from pytc.bpf.codec.compound import PerCpu, Structure
from pytc.bpf.codec.scalars import Style
from pytc.bpf.maps.batch import read_batches
from pytc.bpf.maps.types import KEYLESS
from pytc.bpf.sys.constants import MapType, a_map_type
from pytc.commands.shared.map_errors import explain_refusals
from pytc.errors import BpfError, CodecError
from pytc.typing import NamedTuple, cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pytc.bpf.codec.scalars import Codec, Value
    from pytc.bpf.maps.batch import Batch
    from pytc.bpf.maps.typed import TypedMap
    from pytc.bpf.maps.types import MapTypes
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Json
    from pytc.words.values import ValueWords

_NOT_LISTED = KEYLESS | {MapType.RINGBUF, MapType.USER_RINGBUF, MapType.PERF_EVENT_ARRAY, MapType.ARENA}

#: The members of a structure that a hint names.
_MEMBERS = 4


def key_bytes(typed: TypedMap, words: ValueWords | None) -> bytes:
    """Encode a key, which an array with one element does not need; raises CodecError, BpfError."""
    description = typed.map.description
    if description.type in KEYLESS:
        if words is not None:
            raise CodecError(f'map "{typed.map.name}" has no keys')
        return b""
    if words is None:
        if (
            description.max_entries == 1
            and description.key_size == 4
            and description.type in (MapType.ARRAY, MapType.PERCPU_ARRAY)
        ):
            return bytes(4)
        raise BpfError(f'map "{typed.map.name}": which key?')
    try:
        return typed.types.key.encode(words)
    except CodecError as error:
        hints = error.hints or _member_words(typed.types.key, words)
        raise CodecError(f'map "{typed.map.name}": key: {error}', hints=hints) from None


def element_bytes(typed: TypedMap, words: ValueWords, what: str = "value") -> bytes:
    """Encode the value of an element; in a per-CPU map, a single value is for each CPU. Raises CodecError, which
    begins with ``what``."""
    is_whole = isinstance(words, bytes) and len(words) != typed.types.value.size
    is_list = is_whole or isinstance(words, list) or (isinstance(words, str) and words.startswith("["))
    value: Any = [words] * typed.types.cpus if typed.types.is_per_cpu and not is_list else words
    return value_bytes(typed.types.whole, value, what)


def value_bytes(codec: Codec, words: ValueWords, what: str = "value") -> bytes:
    """Encode a value; raises CodecError, which begins with ``what``."""
    try:
        return codec.encode(words)
    except CodecError as error:
        raise CodecError(f"{what}: {error}", hints=error.hints or _member_words(codec, words)) from None


def _member_words(codec: Codec, words: ValueWords) -> tuple[str, ...]:
    """Return how a structure is given in words, where a single word was."""
    if isinstance(codec, PerCpu) and isinstance(words, list) and words:
        codec, words = codec.item, words[0]
    if not isinstance(codec, Structure) or not isinstance(words, str) or words.startswith("{"):
        return ()
    names = codec.names()
    members = " ".join([*(f"{name} VALUE" for name in names[:_MEMBERS]), *["..."] * (len(names) > _MEMBERS)])
    return (f"name its members: {{ {members} }}",)


def as_json(value: Value) -> Json:
    """Return a decoded value as JSON: the types that codecs decode to are those of JSON."""
    return cast("Json", value)


def check_listable(typed: TypedMap) -> None:
    """Raise BpfError for a map whose elements cannot be listed."""
    if typed.map.description.type in _NOT_LISTED:
        raise BpfError(
            f'map "{typed.map.name}" is {a_map_type(typed.map.description.type)}: it has no elements to list'
        )


def listed_batches(context: Context, typed: TypedMap, flags: int = 0) -> Iterator[Batch]:
    """Yield all elements of a map, and report the progress; raises MapElementError."""
    done, total = 0, typed.map.description.max_entries
    with explain_refusals(typed):
        for batch in read_batches(typed.map, flags):
            yield batch
            done += batch.entries
            context.progress(done, total)


class LineText(NamedTuple):
    """The text before the key, between key and value, and after the value in an element's line."""

    before: str
    between: str
    after: str


def line_text(types: MapTypes) -> LineText:
    """Return the text around the keys and values of a map."""
    return LineText("key ", " values " if types.is_per_cpu else " value ", "\n")


def text_lines(context: Context, typed: TypedMap, types: MapTypes, flags: int = 0) -> Iterator[str]:
    """Yield ``key KEY value VALUE`` for each element, many lines at a time; raises MapElementError."""
    renderer = Renderer(types.key.columns(Style.TEXT, 0), types.whole.columns(Style.TEXT, 0), line_text(types), "")
    for batch in listed_batches(context, typed, flags):
        yield renderer.render(*batch)


def json_entries(context: Context, typed: TypedMap, types: MapTypes, flags: int = 0) -> Iterator[Json]:
    """Yield each element as JSON; raises MapElementError."""
    key_size, value_size = typed.map.description.key_size, typed.map.value_bytes
    for keys, values, count in listed_batches(context, typed, flags):
        for index in range(count):
            yield json_entry(
                types,
                keys[index * key_size : (index + 1) * key_size],
                values[index * value_size : (index + 1) * value_size],
            )


def json_entry(types: MapTypes, key: bytes, value: bytes) -> dict[str, Json]:
    """Return an element as JSON: its key, and its value or, in a per-CPU map, values."""
    return {
        "key": as_json(types.key.decode(key)),
        "values" if types.is_per_cpu else "value": as_json(types.whole.decode(value)),
    }
