"""Calls to addresses that came from outside: only public ones, only in time."""
