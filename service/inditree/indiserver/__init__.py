"""The drop-in for indiserver: its command line, its FIFO, its log of drivers' messages."""
