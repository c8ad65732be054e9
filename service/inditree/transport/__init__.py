"""Sockets, TLS, listeners, links, and the streams of their peers."""
