"""The reasons why a stream is not read."""

from __future__ import annotations

from enum import IntFlag


class Pause(IntFlag):
    """The reasons of a stream itself for not reading on: none of them, one, or several.

    That nobody takes its images is the core's reason (`Peer.held`). What an operator is shown, with since when, is
    `Peer.unread`: those that can last.
    """

    BEHIND = 1
    """It may be read again, but what was read before it was held is acted on first: a read would take its place."""
    MEMORY = 2
    """The next image of the source waits for memory."""
    REST = 4
    """The client has sent more elements than `limits.elements_per_second` allows."""
    TURN = 8
    """The peer has sent more than one turn of the loop takes: the others come first."""
    GATHER = 16
    """Many small reads of the source are gathered for 2 ms into one."""
    THREAD = 32
    """A thread reads an image of it."""
    ENCODE = 64
    """An image of it is being encoded, and nothing may overtake that."""
    EOF = 128
    """There is nothing more to be read."""
