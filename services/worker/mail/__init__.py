"""Mail: templates, the message and its way to the server."""
