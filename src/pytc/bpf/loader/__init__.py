"""Loading programs; errors of the verifier and their causes."""
