"""The command line: words in, text out, errors to exit codes."""
