"""Handing map descriptors from one process to another: export, import, the agent that keeps them, and the trace pipe.

The message is that of tc(8), so that either side may be tc or a program written for it (see :mod:`.wire`).
"""
