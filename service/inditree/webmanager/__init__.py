"""Ekos' Web Manager: profiles of drivers that KStars starts and stops over HTTP. Rules and calls: docs/ekos.md."""
