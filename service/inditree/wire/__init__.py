"""Bytes in, complete INDI elements out. Pure: no sockets, no clock, no event loop."""
