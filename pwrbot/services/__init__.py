"""The rules of the domain. Nothing here knows Discord's library, SQL or a driver."""
