"""Lists of actions: attributes, records, documents."""
