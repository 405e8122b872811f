"""``make demo``: the real bot, a community with a past, and a Discord of its own on loopback."""

from pwrbot.demo.show import run_demo

__all__ = ["run_demo"]
