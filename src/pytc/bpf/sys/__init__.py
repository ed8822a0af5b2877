"""bpf(2): constants, structures, one function for each command, descriptors."""
