"""Owners of bpf filters: the kernel keeps them at the end of the program's name (TCA_BPF_NAME), where tc shows them."""

from __future__ import annotations

_MARK = " owner "
#: CLS_BPF_NAME_LEN without the zero at its end (include/uapi/linux/pkt_cls.h).
_MAX_NAME = 255
_MAX_OWNER = 63
_PUNCTUATION = "_-.:@/"


def owner_word(word: str) -> str:
    """Return the name of an owner; raises ValueError for what a list of filters would not show as one word."""
    if not 0 < len(word) <= _MAX_OWNER or not all(
        letter.isascii() and (letter.isalnum() or letter in _PUNCTUATION) for letter in word
    ):
        raise ValueError(word)
    return word


def with_owner(annotation: str, owner: str) -> str:
    """Return the name of a program in dumps, with its filter's owner; a name that is too long is cut."""
    return f"{annotation[: _MAX_NAME - len(_MARK) - len(owner)]}{_MARK}{owner}" if owner else annotation


def split_owner(annotation: str) -> tuple[str, str]:
    """Return the name of a program without the owner, and the owner, empty for none."""
    name, mark, owner = annotation.rpartition(_MARK)
    return (name, owner) if mark else (annotation, "")
