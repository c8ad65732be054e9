"""The operator's settings for restarts, and how long a back-off lasts."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

#: Seconds between two starts at the very least, whatever `backoff` says: a start costs milliseconds of CPU.
SHORTEST_BACKOFF = 0.01
#: A back-off is shortened by up to this part, so that drivers that fail together (a hub lost its power) do not all
#: come back together; never lengthened, so that `backoff_max` is what it says.
JITTER = 0.25


class RestartPolicy(Struct, frozen=True):
    """Durations in seconds; `max_restarts` None: no limit."""

    policy: Literal["always", "on-failure", "never"] = "always"
    backoff: float = 1.0
    backoff_max: float = 60.0
    reset_after: float = 60.0
    max_restarts: int | None = None
    stop_grace: float = 5.0
    ready_timeout: float = 30.0

    def restarts_after(self, failed: bool) -> bool:
        """Says whether a driver that ended, or could not be started, is started again."""
        return self.policy == "always" or (self.policy == "on-failure" and failed)


def delay(policy: RestartPolicy, failures: int, random: float) -> float:
    """Seconds of back-off after so many runs in a row that were not healthy (1: the first).

    `random` is from 0 to 1. The result doubles with each, up to `backoff_max`.
    """
    return max(SHORTEST_BACKOFF, grown(policy.backoff, policy.backoff_max, failures) * (1.0 - JITTER * random))


def grown(first: float, longest: float, failures: int) -> float:
    """Seconds until the next try after so many failures in a row (0 and 1: `first`), doubled with each."""
    # 2.0 ** 1024 overflows; any pause has met its maximum long before.
    return min(longest, first * 2.0 ** min(max(failures - 1, 0), 64))
