"""Code that several objects share: context, opened programs, pins, words."""
