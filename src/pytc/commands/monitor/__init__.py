"""The object ``monitor`` of the command line."""
