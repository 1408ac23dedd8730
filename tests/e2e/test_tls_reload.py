"""The TLS listener of a running instance: announced when it opens, its certificates read again on SIGHUP."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.dialects.certificates import Pair, pair
from tests.running import DEADLINE, ROOT, edgesim, wait_until

SECURED = """
apiVersion: gateway.solo.io/v1
kind: VirtualService
metadata: {{name: secured, namespace: gloo-system}}
spec:
  sslConfig: {{sslFiles: {{tlsCert: {folder}/tls.crt, tlsKey: {folder}/tls.key}}}}
  virtualHost:
    domains: ['*']
    routes:
    - matchers: [{{prefix: /}}]
      directResponseAction: {{status: 200, body: secured}}
"""


def write(folder: Path, made: Pair) -> bytes:
    """Write a certificate; returns it as a handshake shows it."""
    (folder / "tls.crt").write_text(made.chain)
    (folder / "tls.key").write_text(made.key)
    return ssl.PEM_cert_to_DER_cert(made.chain)


def shown(url: str) -> bytes | None:
    parts = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((parts.hostname, parts.port), timeout=DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname="a.example") as client,
    ):
        return client.getpeercert(binary_form=True)


def test_certificates_are_read_again_on_sighup(tmp_path: Path) -> None:
    """The `tls` line comes when the listener opens; a renewed certificate is shown after SIGHUP though no manifest changed."""
    first = write(tmp_path, pair("one.example"))
    command = [
        sys.executable,
        "-m",
        "edgesim",
        "up",
        "--port",
        "0",
        "--admin-port",
        "0",
        "--tls-port",
        "0",
        "--workers",
        "2",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            admin = process.stdout.readline().split()[1]
            applied = edgesim("apply", "--admin", admin, "-f", "-", stdin=SECURED.format(folder=tmp_path))
            assert applied.code == 0, applied.err
            word, url = process.stdout.readline().split()
            assert (word, urlsplit(url).scheme) == ("tls", "https")
            assert shown(url) == first
            second = write(tmp_path, pair("two.example"))
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: {shown(url) for _ in range(8)} == {second}, "the old certificate is still shown")
            assert json.loads(edgesim("check", "--admin", admin, "-o", "json").out) is not None
        finally:
            process.terminate()
        assert process.wait(DEADLINE) == 0
