"""Voice at scale: our answers beside pwr-bot's and a plain form's. ``make bench-voice``."""
