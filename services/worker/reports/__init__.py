"""Tables and documents: read, checked and written row by row."""
