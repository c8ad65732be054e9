"""Instruments without hardware: ordinary IPyDriver programs, as executables or in a server's own process."""
