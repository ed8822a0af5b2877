"""Test runs."""
