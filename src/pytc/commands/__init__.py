"""The objects of the command line, one package each."""
