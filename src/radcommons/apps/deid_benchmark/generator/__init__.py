"""Making the benchmark: invented persons, generated and real objects, identifiers planted in them, and the key."""
