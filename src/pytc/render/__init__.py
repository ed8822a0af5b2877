"""Documents to text or JSON: pure functions, and the only places that know formats."""
