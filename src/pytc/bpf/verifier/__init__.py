"""Explain refusals of the verifier: its log as a value, a table of its messages, reports in the user's terms."""
