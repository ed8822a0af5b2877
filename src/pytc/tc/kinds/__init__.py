"""Kinds of qdiscs, filters and actions, a small module each: words, attributes both ways, text. Pure."""
