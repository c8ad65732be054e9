"""The protocol between routers: introduction, path, loss and return, acknowledgements. Pure.

Rules: docs/tree.md.
"""
