"""The object ``cgroup`` of the command line."""
