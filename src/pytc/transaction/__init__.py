"""The plan behind --dry-run and the journal behind --atomic."""
