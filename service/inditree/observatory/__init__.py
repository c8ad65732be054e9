"""An observatory that runs itself: conditions, desired state, interlocks, reactions. Pure: no clock, no I/O."""
