"""Inspection of object files and loaded programs: facts, lint, guards, conversion."""
