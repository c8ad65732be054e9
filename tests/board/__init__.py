"""The router's dashboard as a picture, for the README: `PYTHONPATH=tests python -m board FILE` (`make dashboard`)."""
