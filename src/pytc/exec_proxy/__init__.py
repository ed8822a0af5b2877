"""Pass map descriptors between processes: export, import, the agent that stores them; and read the trace pipe.

The message is that of tc(8), so that either side may be tc or a program written for it (see :mod:`.wire`). What an
import takes in goes through :mod:`.sockets` (receive), :mod:`.received` (check, and put together), :mod:`.environment`
(name for the shell), :mod:`.become` (replace this process by it), in this order;
:mod:`pytc.commands.exec.import_` joins them.
"""
