"""Facts about the running kernel: types, modules, symbols, settings, features."""
