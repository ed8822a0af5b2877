"""The object ``cbpf`` of the command line."""
