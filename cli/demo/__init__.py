"""`nightshift demo`: real jobs through the public API, and their results verified."""
