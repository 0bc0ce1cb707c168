"""Certificates of servers that speak TLS on loopback, made here with `openssl`."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


class Certificates:
    """Three certificates made here; all but one are to be trusted."""

    def __init__(self, folder: Path) -> None:
        self.bundle = folder / "trusted.pem"
        self._folder = folder
        for name in ("good", "unknown", "another's"):
            host = "DNS:elsewhere.example" if name == "another's" else "IP:127.0.0.1"
            subprocess.run(_openssl(self._file(name), host), check=True, timeout=30)
        trusted = [self._file(name) for name in ("good", "another's")]
        self.bundle.write_text("".join(map(_certificate, trusted)))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.pem"

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._file(name))
        return context


def _openssl(file: Path, host: str) -> list[str]:
    """Makes a key and a certificate that it signs itself, both in one file."""
    options = {
        "-newkey": "ec",
        "-pkeyopt": "ec_paramgen_curve:P-256",
        "-days": "2",
        "-subj": f"/CN={file.stem}",
        "-keyout": str(file),
        "-out": f"{file}.crt",
    }
    extensions = (f"subjectAltName={host}", "keyUsage=digitalSignature,keyCertSign")
    given = [word for pair in options.items() for word in pair]
    given += [word for each in extensions for word in ("-addext", each)]
    script = 'openssl req -x509 -nodes "$@" 2> /dev/null && cat "$0.crt" >> "$0"'
    return ["sh", "-c", script, str(file), *given]


def _certificate(file: Path) -> str:
    return Path(f"{file}.crt").read_text()
