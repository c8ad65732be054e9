"""Who wants what, and who provides what. Pure."""
