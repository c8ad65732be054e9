"""The protocol between routers: introduction, path, loss and return, acknowledgements. Pure.

Rules: DESIGN.md, "Rules of the tree".
"""
