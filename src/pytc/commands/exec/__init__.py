"""The object ``exec`` of the command line."""
