"""The night as a file: what owners said and what was commanded, in segments that survive a crash; and its replay."""
