"""Rewrites and redirects; what Envoy does is compared in `test_envoy`."""

from __future__ import annotations

import pytest

from edgesim.model import (
    ForwardAction,
    HostRewrite,
    HostRewriteKind,
    PathKind,
    PathMatcher,
    RedirectAction,
    RegexRewrite,
    RequestHead,
    RouteMatch,
)
from edgesim.routing import host_rewrite, redirect_location
from edgesim.routing.rewrite import forwarded_scheme, path_rewrite

SUB = RegexRewrite("/([a-z]+)/.*", r"\1.example")


def head(path: bytes = b"/x", authority: bytes = b"any", query: bytes | None = None, **headers: bytes) -> RequestHead:
    return RequestHead(b"GET", authority, path, query, {name.encode(): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("kind", "matched", "new", "path", "rewritten"),
    [
        (PathKind.PREFIX, "/a/", "/", b"/a/b", b"/b"),
        (PathKind.PREFIX, "/a", "/", b"/a/b", b"//b"),
        (PathKind.PREFIX, "/a", "/z", b"/A", b"/z"),
        (PathKind.EXACT, "/a", "/z", b"/a", b"/z"),
        (PathKind.REGEX, "/a.*", "/z", b"/abc", b"/z"),
    ],
)
def test_prefix_rewrites(kind: PathKind, matched: str, new: str, path: bytes, rewritten: bytes) -> None:
    """The matched prefix, or the whole of an exact or regex path, is replaced as it stands."""
    rewrite = path_rewrite(RouteMatch(PathMatcher(kind, matched)), ForwardAction(prefix_rewrite=new))
    assert rewrite is not None
    assert rewrite(path) == rewritten


def test_a_regex_rewrite_comes_first_and_none_is_none() -> None:
    """A regex rewrite is used where there is one; without any, there is no function."""
    match = RouteMatch(PathMatcher(PathKind.PREFIX, "/"))
    rewrite = path_rewrite(match, ForwardAction(regex_rewrite=SUB))
    assert rewrite is not None
    assert rewrite(b"/shop/1") == b"shop.example"
    assert path_rewrite(match, ForwardAction()) is None
    assert path_rewrite(match, ForwardAction(prefix_rewrite="")) is None


@pytest.mark.parametrize(
    ("rewrite", "host"),
    [
        (HostRewrite(HostRewriteKind.LITERAL, "new"), b"new"),
        (HostRewrite(HostRewriteKind.HEADER, "To"), b"there"),
        (HostRewrite(HostRewriteKind.HEADER, "none"), None),
        (HostRewrite(HostRewriteKind.PATH_REGEX, "", SUB), b"shop.example"),
    ],
)
def test_host_rewrites(rewrite: HostRewrite, host: bytes | None) -> None:
    """The new host is a literal, a header's value, or made from the path."""
    function = host_rewrite(rewrite)
    assert function is not None
    assert function(head(b"/shop/1", to=b"there")) == host


def test_an_empty_header_names_no_host() -> None:
    """A header without a value leaves the host as it is, like one that is missing."""
    function = host_rewrite(HostRewrite(HostRewriteKind.HEADER, "to"))
    assert function is not None
    assert function(head(to=b"")) is None


def test_the_first_line_of_a_header_names_the_host() -> None:
    """Of a repeated header the first line counts, as on Envoy."""
    function = host_rewrite(HostRewrite(HostRewriteKind.HEADER, "to"))
    asked = head(to=b"last")
    asked.repeated = {b"to": [b"first", b"last"]}
    assert function is not None
    assert function(asked) == b"first"


def test_hosts_nothing_rewrites_here() -> None:
    """No rewrite, and the one that needs the endpoint, are left alone; one without its regex is an error."""
    assert host_rewrite(None) is None
    assert host_rewrite(HostRewrite(HostRewriteKind.AUTO)) is None
    with pytest.raises(ValueError, match=r"^a path regex host rewrite needs its regex$"):
        host_rewrite(HostRewrite(HostRewriteKind.PATH_REGEX))


@pytest.mark.parametrize(
    ("action", "asked", "location"),
    [
        (RedirectAction(port=8080), head(authority=b"a:80"), b"http://a:8080/x"),
        (RedirectAction(https=True), head(authority=b"a:80", query=b"q"), b"https://a/x?q"),
        (RedirectAction(https=True), head(authority=b"a:443"), b"https://a:443/x"),
        (RedirectAction(https=True, host="h", port=444), head(), b"https://h:444/x"),
        (RedirectAction(path="/p?y"), head(query=b"q"), b"http://any/p?y"),
        (RedirectAction(path="/p"), head(query=b"q"), b"http://any/p?q"),
        (RedirectAction(strip_query=True), head(authority=b"[::1]", query=b"q"), b"http://[::1]/x"),
        (RedirectAction(), head(**{"x-forwarded-proto": b"https"}), b"https://any/x"),
        (RedirectAction(), head(authority=b"a:80"), b"http://a:80/x"),
        (RedirectAction(), head(authority=b"a:80", **{"x-forwarded-proto": b"https"}), b"https://a:80/x"),
        (RedirectAction(), head(authority=b"a:80", **{"x-forwarded-proto": b"ftp"}), b"http://a:80/x"),
        (RedirectAction(https=True), head(authority=b"a:443", **{"x-forwarded-proto": b"http"}), b"https://a:443/x"),
        (RedirectAction(https=True), head(authority=b"[::1]:80"), b"https://[::1]/x"),
        (RedirectAction(host="h"), head(authority=b"a:8080"), b"http://h/x"),
        (RedirectAction(port=81), head(authority=b"a:80.x"), b"http://a:81/x"),
        (RedirectAction(port=81), head(authority=b"[::1]"), b"http://[::1]:81/x"),
        (RedirectAction(port=81), head(authority=b"[::1]:80"), b"http://[::1]:81/x"),
        (RedirectAction(port=81), head(authority=b"a"), b"http://a:81/x"),
        (RedirectAction(port=444), head(authority=b"[::1]"), b"http://[::1]:444/x"),
        (RedirectAction(port=444), head(authority=b"8080"), b"http://8080:444/x"),
        (RedirectAction(port=444), head(authority=b"a:b:80"), b"http://a:b:444/x"),
        (RedirectAction(port=444), head(authority=b"[::1]:80]:81"), b"http://[::1]:80]:444/x"),
    ],
)
def test_redirect_locations(action: RedirectAction, asked: RequestHead, location: bytes) -> None:
    """Scheme, host, port, path and query are kept unless the redirect changes them."""
    assert redirect_location(action, None, asked, b"http") == location


@pytest.mark.parametrize(
    ("said", "scheme"), [(b"https", b"https"), (b"http", b"http"), (b"ftp", b"http"), (None, b"http")]
)
def test_the_scheme_is_what_a_proxy_before_said_or_the_connections(said: bytes | None, scheme: bytes) -> None:
    """x-forwarded-proto counts where it names a scheme of HTTP."""
    asked = head() if said is None else head(**{"x-forwarded-proto": said})
    assert forwarded_scheme(asked, b"http") == scheme


def test_a_redirect_rewrites_the_path_and_keeps_the_query() -> None:
    """The rewrite is given the path alone; a new path of the redirect's own leaves it unused."""
    asked = head(b"/a/b", query=b"q=1")
    location = redirect_location(RedirectAction(), lambda path: b"/new" + path, asked, b"http")
    assert location == b"http://any/new/a/b?q=1"
    assert redirect_location(RedirectAction(path="/p"), lambda path: path, asked, b"http") == b"http://any/p?q=1"
