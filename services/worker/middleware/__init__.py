"""One behaviour per file, as Dramatiq middleware."""
