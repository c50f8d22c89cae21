"""One file per peer: its task, how to create jobs, and how its worker is started.

They run in an environment of their own, where nothing of Nightshift is installed.
"""
