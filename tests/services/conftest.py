"""A house for the tests of services."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pwrbot.repository import Repository
from tests.services.house import House


@pytest.fixture
async def house(repository: Repository) -> AsyncIterator[House]:
    """A house on each engine in turn."""
    house = House(repository)
    yield house
    house.unsteady.down = False
    await house.tracker.stop(house.clock.now())
