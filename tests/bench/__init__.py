"""The benchmark harness: a load driver and checking client in C, a copy loop as the floor, servers side by side."""
