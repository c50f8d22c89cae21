"""The only code that speaks Redis about jobs."""
