"""What several objects need: the context, opened programs, pins."""
