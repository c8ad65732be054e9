"""Drivers as child processes: the guardian, their life, what they say on stderr."""
