"""Programs that call tc do with pytc what they do with tc."""
