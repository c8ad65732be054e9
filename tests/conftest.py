"""For all tests: Hypothesis looks at what is true, not at how long a loaded machine took for it.

What pytest makes of the tests' sources is kept, also where the environment has Python write nothing: else each worker
makes it anew in each run, ten seconds of a processor. Programs that the tests start keep to the environment.
"""

import sys

from hypothesis import HealthCheck, settings

settings.register_profile("loaded", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loaded")
sys.dont_write_bytecode = False
