"""What the developers of pwrbot run, and the bot itself never does."""
