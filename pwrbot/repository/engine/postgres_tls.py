"""What is wrong about TLS on the way to a server, in the words of either driver, and what helps."""

from __future__ import annotations

from typing import Final

_ANSWERS: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (
        ("no encryption", "SSL off", "SSL required", "SSL connection is required"),
        "the server takes nobody without TLS here: add sslmode=require to DATABASE_URL; where that"
        " does not help, its pg_hba.conf has no line for this user, database and address",
    ),
    (
        ("rejected SSL upgrade", "does not support SSL"),
        "the server offers no TLS, which sslmode in DATABASE_URL asks for: have it offered, or,"
        " where nobody can listen in between, write sslmode=disable",
    ),
    (
        ("certificate verify failed", "root certificate", "does not match host name"),
        "the server's certificate cannot be trusted: DATABASE_URL has to name the file of the"
        " authority that signed it, sslrootcert=..., and the host as the certificate does",
    ),
    (
        ("client certificate", "certificate authentication failed", "certificate file"),
        "the server knows its users by a certificate: DATABASE_URL has to name that of this user,"
        " sslcert=..., and its key, sslkey=..., as files that can be read here",
    ),
)


def tls_trouble(error: Exception) -> str | None:
    """What to do about a connection that was not made, where that is about TLS.

    Nothing of the driver's text is in it: that names the host, the user and the database.
    """
    text = str(error)
    return next((told for words, told in _ANSWERS if any(word in text for word in words)), None)
