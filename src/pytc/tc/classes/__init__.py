"""Classes as a tree."""
