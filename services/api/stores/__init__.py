"""What the API itself keeps in Redis."""
