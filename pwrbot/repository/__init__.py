"""The data layer: ``Repository`` gives an attribute per table, and transactions."""

from pwrbot.repository.repository import Repository, Tables, Transaction

__all__ = ["Repository", "Tables", "Transaction"]
