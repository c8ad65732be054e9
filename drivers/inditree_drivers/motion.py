"""Pure helpers of everything that moves: angles, rates, ramps."""

import math


def approach(value: float, target: float, most: float) -> float:
    """`value` moved toward `target` by at most `most` (>= 0), never past it."""
    return value + math.copysign(min(most, abs(target - value)), target - value)


def turn(value: float, target: float, circle: float) -> float:
    """The shortest signed way from `value` to `target` on a circle of that length: -circle/2 <= way < circle/2."""
    return (target - value + circle / 2) % circle - circle / 2


def approach_on_circle(value: float, target: float, most: float, circle: float) -> float:
    """Move an angle toward its goal by the shorter way round; the result is in 0..circle."""
    way = turn(value, target, circle)
    if abs(way) <= most:
        return target % circle
    return (value + math.copysign(most, way)) % circle
