"""The object ``hooks`` of the command line."""
