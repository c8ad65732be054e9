"""Commands followed to their answer. Pure. Rules: docs/scripts.md, "When a command is done"."""

from inditree.commands.following import (
    ANSWER,
    PATIENCE,
    Asked,
    Following,
    Outcome,
    Result,
    same_value,
)

__all__ = ["ANSWER", "PATIENCE", "Asked", "Following", "Outcome", "Result", "same_value"]
