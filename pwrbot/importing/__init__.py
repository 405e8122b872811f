"""Bringing along what another bot kept."""
