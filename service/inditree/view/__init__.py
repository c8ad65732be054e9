"""The view: what is defined, with its newest values, folded lazily from the bytes that passed. Pure."""
