"""The object ``chain`` of the command line."""
