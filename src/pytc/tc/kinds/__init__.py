"""One small module for each kind of filter and qdisc: its words, its attributes both ways, its text. Pure."""
