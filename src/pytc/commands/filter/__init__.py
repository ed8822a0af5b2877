"""The object ``filter`` of the command line."""
