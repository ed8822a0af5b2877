"""Filters and chains: requests, messages, documents."""
