"""The worker: Dramatiq's runtime over our broker, and the task implementations."""
