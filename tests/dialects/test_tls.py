from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from edgesim.dialects.gloo.certificates import authority_fault, certificate_fault
from edgesim.model import Certificate, DownstreamTls, Severity, UpstreamTls
from tests.dialects.certificates import pair, pair_of, secret
from tests.dialects.scenes import SERVICE, TO_ECHO, UPSTREAM, Outcome, run, upstream, virtual_host

REF = "secretRef: {name: cert, namespace: default}"
STATIC = "static: {hosts: [{addr: 127.0.0.1, port: 80}]}\n"


def host(ssl: str, name: str = "echo", domains: str = "['*']") -> str:
    """Write a VirtualService with an sslConfig."""
    text = virtual_host(f"domains: {domains}\nroutes:\n- {TO_ECHO}", name)
    return text.replace("spec:\n", f"spec:\n  sslConfig: {{{ssl}}}\n")


def downstream(ssl: str, *more: str, files: dict[str, bytes] | None = None) -> Outcome:
    """Translate a VirtualService with an sslConfig."""
    return run(host(ssl), UPSTREAM, *more, files=files)


def settings(spec: str) -> str:
    """Write Settings."""
    return f"apiVersion: gloo.solo.io/v1\nkind: Settings\nmetadata: {{name: default, namespace: gloo-system}}\nspec: {{{spec}}}\n"


def served(outcome: Outcome) -> DownstreamTls:
    """Return the TLS of the only host, which has no problem."""
    assert outcome.problems == []
    tls = outcome.hosts[0].tls
    assert tls is not None
    return tls


def towards(spec: str, *more: str, files: dict[str, bytes] | None = None) -> Outcome:
    """Translate an Upstream."""
    return run(upstream(spec), SERVICE, *more, files=files)


# --- towards clients --------------------------------------------------------------------------------


def test_an_ssl_config_is_read_whole() -> None:
    """Certificate, names, authority and versions reach the model."""
    ssl = (
        f"{REF}, sniDomains: [A.example, '*.b.example', a.example], verifySubjectAltName: [client], "
        "parameters: {minimumProtocolVersion: TLSv1_2, maximumProtocolVersion: 4}, alpnProtocols: [h2, http/1.1]"
    )
    held = {"tls.crt": pair().chain, "tls.key": pair().key, "ca.crt": pair("ca").chain}
    assert served(downstream(ssl, secret("cert", held))) == DownstreamTls(
        certificate=Certificate(pair().chain, pair().key),
        sni=("a.example", "*.b.example"),
        root_ca=pair("ca").chain,
        minimum_version="TLSv1_2",
        maximum_version="TLSv1_3",
        verify_names=("client",),
    )


def test_a_plain_host_has_no_tls() -> None:
    """Only an sslConfig brings a virtual host to the TLS listener."""
    assert run(virtual_host(f"routes:\n- {TO_ECHO}"), UPSTREAM).hosts[0].tls is None


def test_every_form_of_a_secret_is_read() -> None:
    """Kubernetes' keys in base64 or plain text, and Gloo's own YAML under `tls`."""
    gloo = "".join(
        f"{key}: |\n" + "".join(f"  {line}\n" for line in text.splitlines())
        for key, text in (("certChain", pair().chain), ("privateKey", pair().key))
    )
    plain = secret("cert", plain=True)
    for text in (secret("cert"), plain, secret("cert", {"tls": gloo})):
        assert served(downstream(REF, text)).certificate == Certificate(pair().chain, pair().key)


def test_string_data_wins_over_data() -> None:
    """As in Kubernetes, where it is written into `data`."""
    text = secret("cert", {"tls.crt": "no", "tls.key": "no"})
    strings = secret("cert", plain=True).partition("stringData")[2]
    assert served(downstream(REF, f"{text}stringData{strings}")).certificate.chain == pair().chain


def test_files_are_read_by_the_caller() -> None:
    """The dialect itself reads no file."""
    files = {"a.crt": pair().chain.encode(), "a.key": pair().key.encode()}
    ssl = "sslFiles: {tlsCert: a.crt, tlsKey: a.key}"
    assert served(downstream(ssl, files=files)).certificate == Certificate(pair().chain, pair().key)
    problem = downstream(ssl, files={"a.crt": pair().chain.encode()}).only()
    assert (problem.code, problem.field) == ("ES0504", "spec.sslConfig.sslFiles.tlsKey")
    assert problem.message == "a.key cannot be read: No such file or directory"
    assert downstream(ssl).codes == ["ES0504", "ES0504"]


def test_one_way_tls_asks_for_no_client_certificate() -> None:
    """Said by the sslConfig, else by Settings."""
    setting = settings("gateway: {virtualServiceOptions: {oneWayTls: true}}")
    assert served(downstream(f"{REF}, oneWayTls: true", secret("cert"))).one_way
    assert served(downstream(REF, secret("cert"), setting)).one_way
    assert not served(downstream(f"{REF}, oneWayTls: false", secret("cert"), setting)).one_way


def test_only_http_1_is_offered() -> None:
    """`allow_empty` offers nothing; a list without HTTP/1.1 is noted."""
    assert served(downstream(f"{REF}, alpnProtocols: [allow_empty]", secret("cert"))).alpn == ()
    outcome = downstream(f"{REF}, alpnProtocols: [h2]", secret("cert"))
    assert outcome.codes == ["ES0604"]


@pytest.mark.parametrize(
    ("setting", "code", "severity"),
    [
        ("gateway: {}", "ES0500", Severity.WARNING),
        ("gateway: {validation: {}}, gloo: {}", "ES0500", Severity.WARNING),
        ("gateway: {validation: {warnMissingTlsSecret: true}}", "ES0500", Severity.WARNING),
        ("gateway: {validation: {warnMissingTlsSecret: false}}", "ES0501", Severity.ERROR),
    ],
)
def test_a_missing_secret_is_a_warning_unless_settings_say_error(setting: str, code: str, severity: Severity) -> None:
    """The virtual host is not served at all, least of all in the clear."""
    outcome = downstream("secretRef: {name: cert}", secret("cert"), settings(setting))
    problem = outcome.only()
    assert (problem.code, problem.severity, problem.field) == (code, severity, "spec.sslConfig.secretRef")
    assert problem.message.endswith("SSL secret not found: list did not find secret .cert")
    assert problem.hint == "did you mean `cert` in the namespace `default`?"
    assert outcome.hosts == ()


@pytest.mark.parametrize(
    ("ssl", "keys", "code", "field"),
    [
        (REF, {"user": "x"}, "ES0502", ".secretRef"),
        (REF, {"tls": "certChain: [1]"}, "ES0502", ".secretRef"),
        (REF, {"tls": "\x00"}, "ES0502", ".secretRef"),
        (REF, {"tls": "[" * 5000}, "ES0502", ".secretRef"),
        (REF, {"tls.crt": "", "tls.key": ""}, "ES0505", ""),
        (REF, {"ca.crt": "x"}, "ES0505", ""),
        ("sniDomains: [a]", {"a": "b"}, "ES0505", ""),
        ("sds: {targetUri: x}", {"a": "b"}, "ES0506", ".sds"),
    ],
)
def test_no_certificate_is_no_tls(ssl: str, keys: dict[str, str], code: str, field: str) -> None:
    """A Secret of another kind, an empty one, none at all, and SDS."""
    outcome = downstream(ssl, secret("cert", keys))
    problem = outcome.only()
    assert (problem.code, problem.field) == (code, f"spec.sslConfig{field}")
    assert outcome.hosts == ()


def broken() -> list[Any]:
    good, other = pair(), pair("b.example")
    return [
        pytest.param({"tls.crt": "x", "tls.key": good.key}, "no PEM certificate", id="chain"),
        pytest.param({"tls.crt": good.chain, "tls.key": "x"}, "no PEM private key", id="key"),
        pytest.param({"tls.crt": good.chain, "tls.key": good.locked}, "encrypted", id="locked"),
        pytest.param({"tls.crt": good.chain, "tls.key": other.key}, "does not belong", id="other"),
        pytest.param({"tls.crt": good.chain, "tls.key": good.key, "ca.crt": "x"}, "authority", id="authority"),
    ]


@pytest.mark.parametrize(("keys", "words"), broken())
def test_a_broken_certificate_is_an_error(keys: dict[str, str], words: str) -> None:
    """What OpenSSL would refuse is told before a worker meets it, without repeating a secret."""
    outcome = downstream(REF, secret("cert", keys))
    problem = outcome.only()
    assert (problem.code, problem.field) == ("ES0503", "spec.sslConfig")
    assert words in problem.message
    assert outcome.hosts == ()


def test_a_short_rsa_key_is_refused() -> None:
    """Envoy and OpenSSL want 2048 bits."""
    short, long = pair(bits=1024), pair(bits=2048)
    assert "1024 bits" in certificate_fault(short.chain, short.key)
    assert certificate_fault(long.chain, long.key) == authority_fault(long.chain) == ""


def test_keys_envoy_does_not_take_are_refused() -> None:
    """Of elliptic curves three are taken, and no key but RSA and elliptic ones."""
    odd = pair_of(ec.generate_private_key(ec.SECP192R1()))
    edwards = pair_of(ed25519.Ed25519PrivateKey.generate())
    good = pair_of(ec.generate_private_key(ec.SECP384R1()))
    assert "secp192r1" in certificate_fault(odd.chain, odd.key)
    assert "neither" in certificate_fault(edwards.chain, edwards.key)
    assert not certificate_fault(good.chain, good.key)


def test_names_are_verified_with_an_authority_only() -> None:
    """Gloo says so in these words."""
    problem = downstream(f"{REF}, verifySubjectAltName: [a]", secret("cert")).only()
    assert (problem.code, problem.field) == ("ES0505", "spec.sslConfig.verifySubjectAltName")


def test_versions_have_an_order() -> None:
    """A least version above the greatest would admit nobody."""
    ssl = f"{REF}, parameters: {{minimumProtocolVersion: TLSv1_3, maximumProtocolVersion: TLSv1_1}}"
    problem = downstream(ssl, secret("cert")).only()
    assert (problem.code, problem.field) == ("ES0507", "spec.sslConfig.parameters.minimumProtocolVersion")


def test_one_server_name_has_one_context() -> None:
    """Hosts may share a name and a certificate; with another certificate the second is at fault."""
    other = secret("other", {"tls.crt": pair("b.example").chain, "tls.key": pair("b.example").key})

    def codes(one: str, two: str) -> list[tuple[str, str]]:
        texts = (host(one, "one", "[a.example]"), host(two, "two", "[b.example]"))
        problems = run(*texts, UPSTREAM, secret("cert"), other).problems
        return [(each.code, each.resource.name if each.resource else "") for each in problems]

    elsewhere = REF.replace("cert", "other")
    assert codes(REF, REF) == []
    assert codes(f"{REF}, sniDomains: [a]", f"{REF}, sniDomains: [a, b]") == []
    assert codes(f"{REF}, sniDomains: [a]", f"{elsewhere}, sniDomains: [b]") == []
    assert codes(REF, elsewhere) == [("ES0508", "two")]
    assert codes(f"{REF}, sniDomains: [A, b]", f"{elsewhere}, sniDomains: [a, B]") == [("ES0508", "two")]


# --- towards endpoints ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("static", "tls", "names"),
    [
        ("hosts: [{addr: a.example, port: 80}]", False, [""]),
        ("hosts: [{addr: a.example, port: 80}, {addr: b.example, port: 443}]", True, ["a.example", "b.example"]),
        ("hosts: [{addr: a.example, port: 443}], useTls: false", False, [""]),
        ("hosts: [{addr: a.example, port: 80, sniAddr: s.example}], useTls: true", True, ["s.example"]),
        ("hosts: [{addr: a.example, port: 443}], autoSniRewrite: false", True, [""]),
        ("hosts: [{addr: a, port: 443, sniAddr: s}, {addr: b, port: 1}], autoSniRewrite: false", True, ["s", ""]),
    ],
)
def test_static_upstreams_speak_tls_on_port_443(static: str, tls: bool, names: list[str]) -> None:
    """Unless told otherwise; the server name is the address unless there is a better one."""
    outcome = towards(f"static: {{{static}}}\n")
    assert outcome.problems == []
    (cluster,) = outcome.clusters
    assert cluster.tls == (UpstreamTls() if tls else None)
    assert [endpoint.sni for endpoint in cluster.endpoints] == names


def test_an_upstream_ssl_config_is_read_whole() -> None:
    """It turns TLS on whatever the port, with authority, client certificate, names and versions."""
    held = {"tls.crt": pair().chain, "tls.key": pair().key, "ca.crt": pair("ca").chain}
    ssl = (
        f"sslConfig: {{{REF}, sni: s.example, verifySubjectAltName: [s.example], "
        "parameters: {minimumProtocolVersion: TLSv1_2}}\n"
    )
    (cluster,) = towards(STATIC + ssl, secret("cert", held)).clusters
    assert cluster.tls == UpstreamTls(
        sni="s.example",
        root_ca=pair("ca").chain,
        certificate=Certificate(pair().chain, pair().key),
        verify_names=("s.example",),
        minimum_version="TLSv1_2",
    )


def test_a_kube_upstream_may_speak_tls() -> None:
    """One-way TLS verifies nobody; versions come from Settings where the upstream has none."""
    kube = "kube: {serviceName: echo, serviceNamespace: default, servicePort: 80}\n"
    setting = settings("upstreamOptions: {sslParameters: {maximumProtocolVersion: TLSv1_2}}")
    outcome = towards(
        f"{kube}sslConfig: {{{REF}, oneWayTls: true}}\n", secret("cert", {"ca.crt": pair().chain}), setting
    )
    assert outcome.problems == []
    assert outcome.clusters[0].tls == UpstreamTls(maximum_version="TLSv1_2")
    assert towards(f"{kube}sslConfig: {{sni: s}}\n").clusters[0].tls == UpstreamTls(sni="s")


@pytest.mark.parametrize(
    ("ssl", "keys", "code"),
    [
        ("secretRef: {name: none, namespace: default}", {"a": "b"}, "ES0500"),
        (REF, {"tls.crt": pair().chain}, "ES0505"),
        (REF, {"ca.crt": "x"}, "ES0503"),
        (REF, {"tls.crt": pair().chain, "tls.key": pair("b.example").key}, "ES0503"),
        ("sds: {}", {"a": "b"}, "ES0506"),
        ("verifySubjectAltName: [a]", {"a": "b"}, "ES0505"),
    ],
)
def test_an_upstream_without_its_tls_has_no_cluster(ssl: str, keys: dict[str, str], code: str) -> None:
    """Requests for it are answered 503, not sent in the clear."""
    outcome = towards(f"{STATIC}sslConfig: {{{ssl}}}\n", secret("cert", keys))
    assert outcome.codes == [code]
    assert outcome.clusters == ()


# --- secrets ----------------------------------------------------------------------------------------


def test_a_secret_is_stored_and_never_shown() -> None:
    """A mistake in a Secret is told without what stands there."""
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {p: '!hunter2', q: 12345678, r: [hunter3]}\n"
    outcome = run(text)
    assert outcome.codes == ["ES0104", "ES0104"]
    later = run(text.replace(", q: 12345678, r: [hunter3]", ""))
    assert later.codes == ["ES0404"]
    whole = run("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: hunter2\nstringData: [hunter3]\n")
    assert whole.codes == ["ES0104", "ES0104"]
    for problem in (*outcome.problems, *later.problems, *whole.problems):
        assert "hunter" not in str(problem)
        assert "12345678" not in str(problem)
    assert [resource.key.kind for resource in run(secret("a")).resources] == ["Secret"]


@pytest.mark.parametrize(
    ("body", "field"), [("data: {tls.crt: ''}", "data"), ("stringData: {tls.key: a}", "stringData"), ("", "data")]
)
def test_a_tls_secret_has_both_keys(body: str, field: str) -> None:
    """The API server refuses one of type kubernetes.io/tls without."""
    outcome = run(f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ntype: kubernetes.io/tls\n{body}\n")
    assert {(problem.code, problem.field) for problem in outcome.problems} == {("ES0405", field)}


def test_base64_may_have_line_breaks() -> None:
    """As the API server reads it."""
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  p: |\n    YWJj\n    ZGVm\n"
    assert run(text).problems == []


def test_plain_text_is_stored_as_data() -> None:
    """`stringData` is for writing only, as in Kubernetes; an empty one leaves nothing."""
    head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
    (stored,) = run(f"{head}data: {{p: YQ==, q: Yg==}}\nstringData: {{q: c}}\n").resources
    assert stored.manifest["data"] == {"p": "YQ==", "q": "Yw=="}
    assert "stringData" not in stored.manifest
    (empty,) = run(f"{head}stringData: {{}}\n").resources
    assert not empty.manifest.keys() & {"data", "stringData"}


def test_a_config_map_is_stored_and_noted() -> None:
    """Nothing reads it yet, and the note says so."""
    outcome = run("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {b: c}\n")
    assert outcome.codes == ["ES0600"]
    assert [resource.key.kind for resource in outcome.resources] == ["ConfigMap"]


# --- retry budgets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("breakers", "setting", "wanted"),
    [
        ("", "gloo: {}", 3),
        ("circuitBreakers: {maxRetries: 0}\n", "gloo: {circuitBreakers: {maxRetries: 9}}", 0),
        ("circuitBreakers: {trackRemaining: true}\n", "gloo: {circuitBreakers: {maxRetries: 9}}", 3),
        ("", "gloo: {circuitBreakers: {maxRetries: 9}}", 9),
    ],
)
def test_the_retry_budget_is_the_upstreams_or_settings(breakers: str, setting: str, wanted: int) -> None:
    """The upstream's breakers replace those of Settings as a whole; Envoy's default is 3."""
    outcome = towards(STATIC + breakers, settings(setting))
    assert outcome.problems == []
    assert outcome.clusters[0].breakers.max_retries == wanted
