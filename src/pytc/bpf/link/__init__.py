"""Specification and kernel to instructions: CO-RE, subprograms, tail calls."""
