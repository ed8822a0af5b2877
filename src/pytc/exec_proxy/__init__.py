"""Pass map descriptors between processes: export, import, the agent that stores them; and read the trace pipe.

The message is that of tc(8), so that either side may be tc or a program written for it (see :mod:`.wire`).
"""
