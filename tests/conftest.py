"""For all tests: Hypothesis looks at what is true, not at how long a loaded machine took for it."""

from hypothesis import HealthCheck, settings

settings.register_profile("loaded", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loaded")
