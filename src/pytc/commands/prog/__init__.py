"""The object ``prog`` of the command line."""
