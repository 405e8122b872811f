"""One module for each source; ``pwrbot.feeds.source`` finds them."""
