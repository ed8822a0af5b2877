"""The object ``completion`` of the command line."""
