"""A receiver that speaks TLS, with a certificate of the test's own."""

import shutil
import socket
import ssl
import subprocess
from pathlib import Path

from support.receiver import HttpReceiver
from support.services import require


def certificate(folder: Path, host: str) -> Path:
    """Write a certificate for `host`, signed by itself, with its key.

    Returns:
        A file to serve with, and to trust.
    """
    openssl = require("openssl", shutil.which("openssl"))
    key, public, both = (folder / name for name in ("key.pem", "cert.pem", "both.pem"))
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
    files = ["-keyout", str(key), "-out", str(public)]
    subprocess.run(
        [openssl, "req", "-x509", *options, *subject, *files],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + public.read_text())
    return both


class TlsReceiver(HttpReceiver):
    """An HTTP receiver behind TLS.

    Args:
        file: Certificate and key.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(file)

    def handle(self, connection: socket.socket) -> None:
        """Serve requests over TLS."""
        with self._context.wrap_socket(connection, server_side=True) as secure:
            super().handle(secure)
