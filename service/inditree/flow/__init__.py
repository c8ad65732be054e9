"""Verdicts on queues, pacing and memory. Pure."""
