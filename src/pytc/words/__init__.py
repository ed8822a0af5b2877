"""The grammar engine: cursor, tables of words, completion, values. Knows no object of the command line."""
