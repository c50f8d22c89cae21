"""Webhooks: the signature and the delivery."""
