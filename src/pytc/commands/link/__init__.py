"""The object ``link`` of the command line."""
