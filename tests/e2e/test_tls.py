"""TLS from YAML to the pod, with the clients people use: curl, openssl, Python."""

from __future__ import annotations

import shutil
import signal
import ssl
import subprocess
from base64 import b64encode
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from edgesim.model import Certificate
from tests.proxy.authority import authority, client_context, issued
from tests.running import DEADLINE, Gateway, canary, running, wait_until

HELD = ("echo", "upstream")


def tls_of(gateway: Gateway) -> int:
    """Return the port that `up` printed for TLS."""
    wait_until(lambda: said_tls(gateway), "no TLS address is printed")
    return urlsplit(said_tls(gateway)[0].split()[1]).port or 0


def said_tls(gateway: Gateway) -> list[str]:
    """Return the lines with a TLS address."""
    return [line for line in gateway.lines if line.startswith("tls ")]


def secret(name: str, certificate: Certificate, root_ca: str = "") -> str:
    """Write a Secret of a certificate."""
    held = {"tls.crt": certificate.chain, "tls.key": certificate.key} | ({"ca.crt": root_ca} if root_ca else {})
    lines = "".join(f"  {key}: {b64encode(text.encode()).decode()}\n" for key, text in held.items())
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: gloo-system}}\ndata:\n{lines}"


def virtual_service(name: str, ssl_config: str, body: str = "") -> str:
    """Write a VirtualService over TLS, which answers itself if there is a body."""
    to_echo = "routeAction: {single: {upstream: {name: echo, namespace: gloo-system}}}"
    action = f"directResponseAction: {{status: 200, body: {body}}}" if body else to_echo
    return (
        f"apiVersion: gateway.solo.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: gloo-system}}\n"
        f"spec:\n  sslConfig: {ssl_config}\n"
        f"  virtualHost:\n    domains: ['{name}.example']\n    routes:\n    - matchers: [{{prefix: /}}]\n      {action}\n"
    )


def written(folder: Path, *documents: str) -> Path:
    """Write documents into one file, as one change."""
    file = folder / "tls.yaml"
    fresh = folder / "fresh"
    fresh.write_text("---\n".join(documents))
    fresh.replace(file)
    return file


def by_ref(name: str, more: str = "") -> str:
    """An sslConfig of a Secret."""
    return f"{{secretRef: {{name: {name}, namespace: gloo-system}}{more}}}"


def curl(port: int, host: str, *options: str, folder: Path, domain: str = "") -> subprocess.CompletedProcess[str]:
    """Ask with curl, which trusts our authority and checks the name; its own Host would carry the port."""
    trusted = folder / "ca.pem"
    trusted.write_text(authority("authority").pem)
    where = f"{host}:{port}"
    command = ["curl", "-sS", "--max-time", "30", "--cacert", str(trusted), "--resolve", f"{where}:127.0.0.1"]
    command += ["-H", f"host: {domain or host}"]
    return subprocess.run([*command, *options, f"https://{where}/"], capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_is_served_by_name(tmp_path: Path) -> None:
    """Curl verifies the certificate its server name chooses, also when HTTP/2 is offered; other names are reset."""
    file = written(
        tmp_path,
        secret("a", issued("a.example")),
        secret("b", issued("b.example", "*.b.example")),
        virtual_service("a", by_ref("a", ", sniDomains: [a.example]")),
        virtual_service("b", by_ref("b", ", sniDomains: [b.example, '*.b.example']"), "from b"),
    )
    with running("--tls-port", "0", *canary(*HELD), file) as gateway:
        port = tls_of(gateway)
        assert curl(port, "a.example", folder=tmp_path).stdout.strip() == "version:v1"
        assert curl(port, "b.example", "--http2", folder=tmp_path).stdout == "from b"
        assert curl(port, "x.b.example", folder=tmp_path, domain="b.example").stdout == "from b"
        unknown = curl(port, "c.example", folder=tmp_path)
        assert (unknown.returncode, unknown.stdout) == (35, "")  # a connect error of TLS
        plain = subprocess.run(
            ["curl", "-sS", "--max-time", "30", f"http://127.0.0.1:{port}/"], capture_output=True, check=False
        )
        assert (plain.returncode, plain.stdout) == (56, b"")  # a reset
        assert gateway.get(headers={"host": "a.example"})[0] == 404  # not on the plain port


SHAKEN = "%REQUESTED_SERVER_NAME% %REQ(:AUTHORITY)% %DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_TLS_CIPHER%"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_headers_and_log_say_what_the_handshake_came_to(tmp_path: Path) -> None:
    """The name in the ClientHello, whatever Host says; the version and the cipher suite."""
    service = virtual_service("a", by_ref("a", ", sniDomains: ['*.example']"), "hello")
    added = "headerManipulation: {responseHeadersToAdd: [{header: {key: x-asked, value: '%REQUESTED_SERVER_NAME%'}}]}"
    service = service.replace("    domains: ['a.example']\n", f"    domains: ['*']\n    options: {{{added}}}\n")
    file = written(tmp_path, secret("a", issued("a.example")), service)
    log = tmp_path / "log"
    watched = ("--access-log", str(log), "--access-log-format", SHAKEN)
    with running("--tls-port", "0", *watched, *canary(*HELD), file) as gateway:
        options = ("-D", "-", "--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256")
        answer = curl(tls_of(gateway), "a.example", *options, folder=tmp_path, domain="b.example").stdout
        assert "x-asked: a.example\n" in answer
    assert log.read_text() == "a.example b.example TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256\n"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_negotiates_http_1(tmp_path: Path) -> None:
    """`openssl s_client` gets HTTP/1.1 by ALPN and a version within the limits."""
    limits = ", parameters: {maximumProtocolVersion: TLSv1_2}"
    file = written(tmp_path, secret("a", issued("a.example")), virtual_service("a", by_ref("a", limits)))
    with running("--tls-port", "0", *canary(*HELD), file) as gateway:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{tls_of(gateway)}", "-alpn", "h2,http/1.1"]
        sent = "GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n"
        done = subprocess.run(
            [*command, "-ign_eof"], input=sent, capture_output=True, text=True, timeout=DEADLINE, check=False
        )
        assert "ALPN protocol: http/1.1" in done.stdout
        assert "TLSv1.2" in done.stdout
        assert "version:v1" in done.stdout


def ask(port: int, context: ssl.SSLContext, host: str = "a.example") -> str:
    """Ask with Python's client."""
    connection = HTTPSConnection("127.0.0.1", port, timeout=DEADLINE, context=context)
    try:
        connection.request("GET", "/", headers={"host": host})
        return connection.getresponse().read().decode().strip()
    finally:
        connection.close()


def test_client_certificates_from_yaml(tmp_path: Path) -> None:
    """A `ca.crt` in the Secret asks for certificates, `verifySubjectAltName` for their names, `oneWayTls` for none."""
    wanted = ", verifySubjectAltName: [me]"
    me, you = (client_context(issued(name, by="clients")) for name in ("me", "you"))
    held = secret("a", issued("a.example"), authority("clients").pem)
    file = written(tmp_path, held, virtual_service("a", by_ref("a", wanted)))
    with running("--tls-port", "0", *canary(*HELD), file) as gateway:
        assert ask(tls_of(gateway), me) == "version:v1"
        for refused in (you, client_context()):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ask(tls_of(gateway), refused)
    written(tmp_path, held, virtual_service("a", by_ref("a", wanted + ", oneWayTls: true")))
    with running("--tls-port", "0", *canary(*HELD), file) as gateway:
        assert ask(tls_of(gateway), client_context()) == "version:v1"


def shown(port: int) -> str:
    """Return the common name of the certificate a client is shown."""
    context = client_context()
    connection = HTTPSConnection("127.0.0.1", port, timeout=DEADLINE, context=context)
    try:
        connection.connect()
        certificate: Any = connection.sock.getpeercert()
    finally:
        connection.close()
    return str(dict(pair[0] for pair in certificate["subject"])["commonName"])


def test_certificates_change_while_connections_stay(tmp_path: Path) -> None:
    """A new Secret, and new files at SIGHUP, are shown to whoever connects then; a kept connection goes on."""
    files = tmp_path / "files"
    files.mkdir()
    first, second = issued("one"), issued("two")

    def write(certificate: Certificate) -> None:
        (files / "crt").write_text(certificate.chain)
        (files / "key").write_text(certificate.key)

    write(first)
    named = ", sniDomains: [other.example]"
    by_files = f"{{sslFiles: {{tlsCert: {files / 'crt'}, tlsKey: {files / 'key'}}}}}"
    documents = (virtual_service("a", by_files), virtual_service("b", by_ref("b", named), "b"))
    file = written(tmp_path, secret("b", issued("b")), *documents)
    with running("--tls-port", "0", *canary(*HELD), file) as gateway:
        port = tls_of(gateway)
        kept = HTTPSConnection("127.0.0.1", port, timeout=DEADLINE, context=client_context())
        kept.request("GET", "/", headers={"host": "a.example"})
        assert kept.getresponse().read().strip() == b"version:v1"
        assert shown(port) == "one"
        write(second)
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: shown(port) == "two", "the new certificate is never shown")
        kept.request("GET", "/", headers={"host": "a.example"})
        assert kept.getresponse().read().strip() == b"version:v1"
        kept.close()


def test_a_broken_certificate_is_a_problem_and_no_outage(tmp_path: Path) -> None:
    """A Secret that is broken by an apply is named, and what was served goes on, with two workers as well."""
    good = (secret("a", issued("a.example")), virtual_service("a", by_ref("a")))
    file = written(tmp_path, *good)
    with running("--workers", "2", "--tls-port", "0", *canary(*HELD), file) as gateway:
        port = tls_of(gateway)
        broken = Certificate(issued("a.example").chain, issued("b.example").key)
        change = tmp_path / "change.yaml"
        change.write_text(secret("a", broken))
        done = gateway.apply(change)
        assert "ES0503" in done.out + done.err + gateway.run("check").out
        assert [ask(port, client_context()) for _ in range(5)] == ["version:v1"] * 5
        change.write_text(secret("a", issued("new.example")))
        assert gateway.apply(change).code == 0
        wait_until(lambda: shown(port) == "new.example", "the mended certificate is never shown")


def test_the_listener_opens_and_closes_with_its_virtual_services(tmp_path: Path) -> None:
    """The TLS port comes with the first sslConfig and goes with the last."""
    with running("--tls-port", "0", *canary(*HELD)) as gateway:
        assert not said_tls(gateway)
        file = written(tmp_path, secret("a", issued("a.example")), virtual_service("a", by_ref("a")))
        assert gateway.apply(file).code == 0
        assert ask(tls_of(gateway), client_context()) == "version:v1"
        port = tls_of(gateway)
        assert gateway.run("delete", "-f", file).code == 0

        def is_closed() -> bool:
            try:
                ask(port, client_context())
            except OSError:
                return True
            return False

        wait_until(is_closed, "the TLS port stays open")


def test_an_upstream_over_tls(tmp_path: Path) -> None:
    """One gateway reaches another over TLS, verifying its authority and name and showing its own certificate."""
    inner = written(
        tmp_path,
        secret("a", issued("a.example"), authority("clients").pem),
        virtual_service("a", by_ref("a"), "inner"),
    )
    with running("--tls-port", "0", *canary(*HELD), inner) as behind:
        outer = tmp_path / "outer.yaml"
        sound, wrong = (
            f"apiVersion: gloo.solo.io/v1\nkind: Upstream\nmetadata: {{name: {name}, namespace: gloo-system}}\n"
            f"spec: {{static: {{hosts: [{{addr: 127.0.0.1, port: {tls_of(behind)}, sniAddr: a.example}}]}}, "
            f"sslConfig: {{secretRef: {{name: me, namespace: gloo-system}}, verifySubjectAltName: [{san}]}}}}\n"
            for name, san in (("sound", "a.example"), ("wrong", "b.example"))
        )
        routes = "".join(
            f"    - matchers: [{{prefix: /{name}}}]\n"
            f"      routeAction: {{single: {{upstream: {{name: {name}, namespace: gloo-system}}}}}}\n"
            for name in ("sound", "wrong")
        )
        front = (
            "apiVersion: gateway.solo.io/v1\nkind: VirtualService\nmetadata: {name: front, namespace: gloo-system}\n"
            f"spec:\n  virtualHost:\n    domains: [a.example]\n    routes:\n{routes}"
        )
        mine = secret("me", issued("me", by="clients"), authority("authority").pem)
        outer.write_text(f"{mine}---\n{sound}---\n{wrong}---\n{front}")
        with running(outer) as gateway:
            for _ in range(3):
                assert gateway.get("/sound", {"host": "a.example"}) == (200, "inner")
            status, text = gateway.get("/wrong", {"host": "a.example"})
            assert (status, text[-25:]) == (503, "remote connection failure")
