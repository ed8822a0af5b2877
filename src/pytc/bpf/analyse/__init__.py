"""What a file or a loaded program reveals: inspection, lint, guards, conversion."""
