"""The object ``class`` of the command line."""
