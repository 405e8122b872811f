"""Measurements, side by side; each is run by one target of the Makefile."""
