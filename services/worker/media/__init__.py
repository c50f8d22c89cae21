"""Where media files come from, and what is done with films."""
