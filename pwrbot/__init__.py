"""pwrbot: a self-hosted Discord bot whose data layer is the product."""

__version__ = "0.1.0"
