"""The sensor's cooler as pure state. Degrees Celsius."""

from dataclasses import dataclass

from inditree_drivers.motion import approach

# Below the surrounding air; a two-stage Peltier element reaches about this.
MOST_BELOW_AMBIENT_C = 45.0
COOLING_C_PER_S = 1.0
WARMING_C_PER_S = 0.5


@dataclass(slots=True)
class Cooler:
    """Off it warms up to the surrounding air, on it goes to its target or as near as it can."""

    temperature: float = 15.0
    ambient: float = 15.0
    target: float = 15.0
    on: bool = False

    @property
    def goal(self) -> float:
        """Gives the temperature that is aimed at."""
        return max(self.target, self.ambient - MOST_BELOW_AMBIENT_C) if self.on else self.ambient

    @property
    def settled(self) -> bool:
        return self.temperature == self.goal

    def advance(self, seconds: float) -> bool:
        """Move on in time; True when the temperature has changed."""
        before = self.temperature
        rate = COOLING_C_PER_S if self.goal < before else WARMING_C_PER_S
        self.temperature = approach(before, self.goal, rate * seconds)
        return self.temperature != before
