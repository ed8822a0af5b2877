"""The object ``tcx`` of the command line."""
