"""Maps in the kernel: creation, elements, batches, typed access, ring and perf buffers, pins."""
