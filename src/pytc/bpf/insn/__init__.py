"""Instructions, eBPF and classic, as numbers and text."""
