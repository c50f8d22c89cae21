"""The OpenAPI 3.1 document: every route, described from the models that check it."""
