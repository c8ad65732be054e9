"""IPyDriver objects in the router's own process."""
