"""Owner and mode of the sockets that ``exec bpf`` creates."""

from __future__ import annotations

import os

from pytc.errors import TransferError
from pytc.value import Value
from pytc.words.engine import Word, text, unsigned


class SocketRights(Value):
    """Access to a socket: ``mode`` of its file, and ``user``, a number or name, empty for root and this user alone."""

    mode: int = 0o600
    user: str = ""

    def users(self) -> tuple[int, ...]:
        """Return the users that may take part besides root and this one; raises TransferError."""
        if not self.user:
            return ()
        if self.user.isascii() and self.user.isdigit() and int(self.user) < 1 << 32:
            return (int(self.user),)
        import pwd

        try:
            return (pwd.getpwnam(self.user).pw_uid,)
        except KeyError:
            raise TransferError(f'there is no user "{self.user}"') from None

    def owner(self) -> int:
        """Return the user that the socket's file is given to, -1 for nobody else; raises TransferError."""
        users = self.users()
        return users[0] if users and users[0] != os.geteuid() else -1


def _mode(word: str) -> int:
    """Convert permissions in octal, with which the owner can use the socket; raises ValueError."""
    number: int = unsigned(0o777, 8)(word)
    if not number & 0o600 == 0o600:
        raise ValueError(word)
    return number


RIGHTS = (
    Word("mode", "mode", _mode, exact=True, wrong="permissions of the socket; three octal digits, 600 among them"),
    Word("user", "user", text, exact=True),
)
