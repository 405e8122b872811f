"""Where items come from: feeds and APIs, read by one HTTP client. Knows no Discord and no SQL."""
