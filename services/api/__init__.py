"""The producer: the HTTP API that accepts jobs and shows what became of them."""
