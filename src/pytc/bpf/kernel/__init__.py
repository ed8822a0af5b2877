"""What the running kernel offers: types, modules, symbols, settings, features."""
