"""Imported by the server that ``feed_process`` forks from, and nowhere else: what every process
would do alike is done once there."""

from functools import cache

import tests.acceptance.feed_process  # noqa: F401
from pwrbot.repository import repository

repository.bind_repository = cache(repository.bind_repository)
for _engine in repository.EngineName.__args__:
    repository.bind_repository(_engine, schema="pwrbot")
