"""Qdiscs: requests, records, documents."""
