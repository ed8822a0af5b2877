"""The object ``qdisc`` of the command line."""
