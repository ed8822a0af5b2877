"""tc's words: from a list of words to one frozen command. Touches nothing."""
