"""Removing what nobody needs any more, in bounded steps."""
