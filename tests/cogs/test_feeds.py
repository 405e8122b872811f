"""/feed as members of a server see it."""

from __future__ import annotations

import pytest

from pwrbot.entities import FeedSettings, Settings
from pwrbot.feeds.errors import FeedNotFound
from pwrbot.sandbox import Guild, NotOffered, Sandbox
from tests.fake_feeds import FakeFeeds
from tests.live_bot import LiveBot, live_bot
