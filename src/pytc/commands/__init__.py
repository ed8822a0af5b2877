"""One package for each object of the command line."""
