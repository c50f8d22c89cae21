"""Who may call the API: tokens, their scopes, and the record of what they changed."""
