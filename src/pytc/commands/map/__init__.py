"""The object ``map`` of the command line."""
