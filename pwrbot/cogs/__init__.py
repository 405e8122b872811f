"""The slash commands, one module per area. They talk Discord and know no SQL."""
