"""BTF: types, their index, function and line information, C text."""
