"""The object ``object`` of the command line."""
