"""The object ``actions`` of the command line."""
