"""The dashboard at /admin/queues: what people open when something is wrong."""
