"""Format strings, against the lines Envoy 1.40 wrote for the same request."""

from __future__ import annotations

import json
import time
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.model import RequestHead
from edgesim.policies.formatter import (
    DEFAULT_TEXT,
    FormatError,
    compile_header,
    compile_json,
    compile_text,
)
from edgesim.policies.getters import Process
from edgesim.policies.log_lines import PIECES
from edgesim.policies.operators import OPERATORS, Parameters
from edgesim.policies.record import Record
from tests.policies.records import START, forwarded, refused

MEASURED = {
    "%START_TIME%": "2026-11-24T16:33:03.871Z",
    "%START_TIME()%": "2026-11-24T16:33:03.871Z",
    "%START_TIME_LOCAL%": "2026-11-24T16:33:03.871+0000",
    "%EMIT_TIME%": "2026-11-24T16:33:03.872Z",
    "%PROTOCOL%": "HTTP/1.1",
    "%RESPONSE_CODE%": "200",
    "%RESPONSE_CODE_DETAILS%": "via_upstream",
    "%RESPONSE_FLAGS%": "-",
    "%RESPONSE_FLAGS_LONG%": "-",
    "%BYTES_RECEIVED%": "5",
    "%BYTES_SENT%": "290",
    "%DURATION%": "1",
    "%RESPONSE_DURATION%": "0",
    "%REQ(:METHOD)%": "POST",
    "%REQ(:AUTHORITY)%": "a.com",
    "%REQ(:PATH)%": "/z/x?a=b&c=d",
    "%REQ(:SCHEME)%": "http",
    "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%": "/e/x?a=b&c=d",
    "%REQ(X-A):3%": "abc",
    "%REQ(x-multi)%": "1",
    "%REQ(nope?nope2)%": "-",
    "%REQ(nope)%": "-",
    "%REQ(x-empty)%": "",
    "%REQ(x-empty?x-a)%": "",
    "%PATH%": "/e/x?a=b&c=d",
    "%PATH(NQ)%": "/e/x",
    "%PATH(WQ:ORIG)%": "/e/x?a=b&c=d",
    "%PATH(NQ:PATH)%": "/z/x",
    "%QUERY_PARAM(a)%": "b",
    "%QUERY_PARAM(z)%": "-",
    "%QUERY_PARAMS(ORIG)%": "a=b&c=d",
    "%RESP(SERVER)%": "envoy",
    "%RESP(x-r)%": "one",
    "%RESP(:STATUS)%": "200",
    "%RESP(x-envoy-upstream-service-time)%": "0",
    "%RESP(nope)%": "-",
    "%TRAILER(x)%": "-",
    "%TRAILER(x?x-sum):1%": "o",
    "%UPSTREAM_HOST%": "127.0.0.1:21101",
    "%UPSTREAM_HOST_NAME%": "127.0.0.1:21101",
    "%UPSTREAM_HOST_NAME_WITHOUT_PORT%": "127.0.0.1",
    "%UPSTREAM_REMOTE_PORT%": "21101",
    "%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%": "127.0.0.1",
    "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%": "-",
    "%UPSTREAM_LOCAL_PORT%": "-",
    "%UPSTREAM_TRANSPORT_FAILURE_REASON%": "-",
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT%": "1",
    "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%": "::1",
    "%DOWNSTREAM_LOCAL_PORT%": "21102",
    "%DOWNSTREAM_DIRECT_LOCAL_PORT%": "21102",
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(16)%": "127.0.0.0/16",
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(a)%": "127.0.0.1",
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(33)%": "127.0.0.1/32",
    "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(8)%": "-",
    "%STREAM_ID%": "dbb6b706-843c-49a1-9ae9-cccdcaed1c0f",
    "%DYNAMIC_METADATA(a:b)%": "-",
    "%ACCESS_LOG_TYPE%": "DownstreamEnd",
    "%LOCAL_REPLY_BODY%": "",
    "%HOSTNAME%": "vm",
    "%ENVIRONMENT(HOME)%": "/root",
    "%ENVIRONMENT(XX_NONE)%": "-",
    "%%": "%",
    "100%% %REQ(x-a)%%% %REQ(x-a):2%%REQ(x-a):1%": "100% abcdef% aba",
    "%REQ(host)%": "a.com",
}
PROCESS = Process("vm", {"HOME": "/root"})


@pytest.mark.parametrize(("text", "written"), MEASURED.items())
def test_operators_write_what_envoy_writes(text: str, written: str) -> None:
    """Every operator measured on Envoy comes out the same."""
    assert written == compile_text(text, PROCESS)(forwarded()).decode()


def test_the_default_line_is_envoys() -> None:
    """The default format of a forwarded request with a rewritten path."""
    assert compile_text()(forwarded()) == (
        b'[2026-11-24T16:33:03.871Z] "POST /e/x?a=b&c=d HTTP/1.1" 200 - 5 290 1 0 "-" "curl/8" '
        b'"dbb6b706-843c-49a1-9ae9-cccdcaed1c0f" "a.com" "127.0.0.1:21101"\n'
    )


def test_the_default_line_of_what_was_no_request() -> None:
    """Where nothing could be parsed nearly everything is a dash."""
    assert compile_text()(refused()) == (
        b'[2026-11-24T16:33:03.871Z] "- - HTTP/1.1" 400 DPE 0 0 0 - "-" "-" "-" "-" "-"\n'
    )


def test_a_request_that_was_not_rewritten_shows_its_own_path_host_and_id() -> None:
    """Without values of edgesim's own the received ones are written."""
    record = Record(START)
    record.head = RequestHead(b"GET", b"b.org", b"/q", b"r", {b"x-request-id": b"mine", b"x-forwarded-for": b"9.9.9.9"})
    write = compile_text("%REQ(:path)% %PATH(NQ)% %REQ(:authority)% %REQ(x-request-id)% %REQ(x-forwarded-for)%")
    assert write(record) == b"/q?r /q b.org mine 9.9.9.9"
    record.authority, record.path, record.head.query = b"new.org", b"/n", None
    assert compile_text("%REQ(:path)% %REQ(:authority)% %QUERY_PARAMS%")(record) == b"/n new.org -"
    record.path = None
    assert compile_text("%PATH%")(record) == b"/q"


def test_everything_is_known_not_to_be_known() -> None:
    """No operator fails on a record of which nothing is known."""
    for operator in OPERATORS.values():
        parameters = {"PATH": "NQ", "QUERY_PARAMS": "PATH", "REQUESTED_SERVER_NAME": "SNI_ONLY"}.get(operator.name, "a")
        bare = operator.parameters is not Parameters.REQUIRED
        text = f"%{operator.name}%" if bare else f"%{operator.name}({parameters})%"
        compile_text(text)(refused())
        if operator.parameters is not Parameters.NONE:
            compile_text(f"%{operator.name}({parameters})%")(refused())


@pytest.mark.parametrize(
    "command",
    ["UPSTREAM_TLS_VERSION", "UPSTREAM_HOSTS_ATTEMPTED", "REQUEST_HEADERS_BYTES", "CEL(request.path):3"],
)
def test_what_envoy_takes_is_taken(command: str) -> None:
    """A format that works in Envoy is no error here, even where nothing is known of what it asks for."""
    assert compile_text(f"%{command}%")(forwarded()) == b"-"


@pytest.mark.parametrize(
    ("parameters", "both", "host_only", "rewritten"),
    [
        ("", "sni.t", "-", "sni.t"),
        ("(SNI_ONLY:HOST)", "sni.t", "-", "sni.t"),
        ("(SNI_FIRST)", "sni.t", "host.t", "sni.t"),
        ("(SNI_FIRST:ORIG)", "sni.t", "-", "sni.t"),
        ("(HOST_FIRST)", "host.t", "host.t", "orig.t"),
        ("(HOST_FIRST:ORIG)", "sni.t", "-", "orig.t"),
        ("(HOST_FIRST:HOST)", "host.t", "host.t", "host.t"),
        ("(HOST_FIRST:ORIG_OR_HOST)", "host.t", "host.t", "orig.t"),
    ],
)
def test_the_server_name_may_be_the_host(parameters: str, both: str, host_only: str, rewritten: str) -> None:
    """As measured on Envoy: with both names, without TLS, and with the host before a rewrite."""
    write = compile_text(f"%REQUESTED_SERVER_NAME{parameters}%")
    for wanted, name, headers in (
        (both, b"sni.t", {}),
        (host_only, None, {}),
        (rewritten, b"sni.t", {b"x-envoy-original-host": b"orig.t"}),
    ):
        record = Record(START)
        record.server_name = name
        record.head = RequestHead(b"GET", b"host.t", b"/", None, headers)
        assert write(record).decode() == wanted


@pytest.mark.parametrize("parameters", ["a", "SNI_FIRST:ORIG_FIRST", "HOST"])
def test_an_order_of_names_that_is_none_is_refused(parameters: str) -> None:
    """As Envoy refuses it."""
    with pytest.raises(FormatError):
        compile_text(f"%REQUESTED_SERVER_NAME({parameters})%")


def test_whitespace_in_details_is_replaced() -> None:
    """Details stay one word unless whitespace is allowed."""
    record = refused()
    record.response_code_details = b"connection failure"
    write = compile_text("%RESPONSE_CODE_DETAILS% %RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%")
    assert write(record) == b"connection_failure connection failure"


def test_local_time_takes_the_process_zone() -> None:
    """Only the operators of local time look at the zone."""
    process = Process(zone=timezone(timedelta(hours=1)))
    assert compile_text("%START_TIME(%H)% %START_TIME_LOCAL(%H)%", process)(forwarded()) == b"16 17"


def test_a_header_value_without_operators_is_fixed_bytes() -> None:
    """What never changes is handed back as bytes, with percent signs unescaped."""
    assert compile_header("100%% fixed") == b"100% fixed"
    assert compile_text("100%% fixed\n")(refused()) == b"100% fixed\n"


def test_what_is_not_known_is_nothing_in_a_header() -> None:
    """A header value writes nothing for an unknown part, and may come out empty."""
    part, whole = compile_header("a%REQ(nope)%b"), compile_header("%REQ(nope)%")
    assert not isinstance(part, bytes)
    assert not isinstance(whole, bytes)
    assert (part(forwarded()), whole(forwarded())) == (b"ab", b"")


JSON_FIELDS = {
    "b": "%DURATION%",
    "a": "%REQ(x-a)%",
    "n": "%REQ(nope)%",
    "m": "x%REQ(nope)%y",
    "nest": {"z": "%PROTOCOL%", "l": ["%REQ(x-a)%", 3, "%REQ(nope)%"]},
    "bool": True,
    "lit": "a%%b",
    "e": "",
    "em": "%REQ(x-empty)%",
    "rs": "%RESP(:STATUS)%",
}


def test_json_is_sorted_and_keeps_types() -> None:
    """Keys are sorted, numbers and null stay what they are, a text around an operator is a text."""
    assert compile_json(JSON_FIELDS)(forwarded()) == (
        b'{"a":"abcdef","b":1,"bool":true,"e":"","em":"","lit":"a%b","m":"x-y","n":null,'
        b'"nest":{"l":["abcdef",3,null],"z":"HTTP/1.1"},"rs":"200"}\n'
    )


@given(st.binary())
def test_json_takes_any_bytes(value: bytes) -> None:
    """Whatever a client sends as a header, the line is one line of valid JSON."""
    record = Record(START)
    record.head = RequestHead(b"GET", b"a", b"/", None, {b"x": value})
    line = compile_json({"x": "%REQ(x)%"})(record)
    assert line.count(b"\n") == 1
    assert isinstance(json.loads(line)["x"], str)


def test_json_takes_bytes_that_are_no_utf8_for_latin_1() -> None:
    """Measured on Envoy: one bad byte makes the whole value Latin-1."""
    record = Record(START)
    record.head = RequestHead(b"GET", b"a", b"/", None, {b"x": b'a\xe9b\xff"', b"z": b"\xc3\xa9"})
    assert json.loads(compile_json({"x": "%REQ(x)%", "z": "%REQ(z)%"})(record)) == {"x": 'aébÿ"', "z": "é"}


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("a%", 1, "no command operator after this percent sign"),
        ("50% off", 2, "no command operator after this percent sign"),
        ("%DURATION%%", 10, "no command operator after this percent sign"),
        ("%req(a)%", 0, "no command operator after this percent sign"),
        ("%REQ(x):a%", 0, "no command operator after this percent sign"),
        ("%REQ%", 0, "REQ requires parameters"),
        ("%REQ()%", 0, "REQ requires parameters"),
        ("%REQ(x?y?z)%", 0, "more than one alternative header in `x?y?z`"),
        ("%REQ(x y)%", 0, "`x y` is no header name"),
        ("%PROTOCOL(a)%", 0, "PROTOCOL does not take any parameters or length"),
        ("%PROTOCOL:3%", 0, "PROTOCOL does not take any parameters or length"),
        ("%START_TIME:3%", 0, "START_TIME does not allow length to be specified"),
        ("%START_TIME(%n)%", 0, "a time format must not write a line break"),
        ("x%DURATIN%", 1, "`DURATIN` is no command operator"),
        ("%VIRTUAL_HOST_NAME%", 0, "`VIRTUAL_HOST_NAME` is no command operator"),
        ("%PATH(ZZ)%", 0, "`ZZ` is neither WQ (with query) nor NQ (no query)"),
        ("%PATH(NQ:ZZ)%", 0, "`ZZ` is none of ORIG, PATH, ORIG_OR_PATH"),
        ("%QUERY_PARAMS(ZZ)%", 0, "`ZZ` is none of ORIG, PATH, ORIG_OR_PATH"),
    ],
)
def test_what_envoy_refuses_is_refused(text: str, position: int, message: str) -> None:
    """A bad format names the place and what is wrong."""
    with pytest.raises(FormatError) as caught:
        compile_text(text)
    assert (caught.value.position, caught.value.message) == (position, message)


def test_a_misspelt_command_names_the_nearest() -> None:
    """The hint is a real command."""
    with pytest.raises(FormatError) as caught:
        compile_header("%DURATIN%")
    assert caught.value.hint == "did you mean `DURATION`?"
    with pytest.raises(FormatError) as caught:
        compile_header("%QQQQQQ%")
    assert not caught.value.hint


@given(st.text())
def test_no_text_breaks_the_compiler(text: str) -> None:
    """Any text compiles or is refused in words."""
    try:
        write = compile_text(text)
    except FormatError as refusal:
        place = refusal.position
    else:
        write(refused())
        return
    assert text[place] == "%"


def test_a_default_line_is_cheap() -> None:
    """The default line takes microseconds, far less than a request does (a generous bound: cores are shared)."""
    write, record = compile_text(DEFAULT_TEXT), forwarded()
    best = min(_seconds_for_thousand(write, record) for _ in range(20))
    assert best < 0.05


def _seconds_for_thousand(write: object, record: Record) -> float:
    assert callable(write)
    began = time.thread_time()
    for _ in range(1000):
        write(record)
    return time.thread_time() - began


def test_a_template_that_is_filled_in_is_the_line() -> None:
    """What changes from line to line may be written into a template of the rest, in JSON with its texts in pieces."""
    record = forwarded()
    lines = compile_json({"a": '%BYTES_SENT% of 100%% "%REQ(X-A)%"', "b": "%BYTES_SENT%", "c": "%REQ(X-A)%"})
    first, second, _third = lines.parts
    template = lines.template(record, {0: (0,), 1: (0,)})
    filled = PIECES.write(first.commands[0].get(record)), lines.texts.write(second.get(record))
    assert template % filled == lines(record)
    record.bytes_sent = 7
    filled = PIECES.write(first.commands[0].get(record)), lines.texts.write(second.get(record))
    assert json.loads(template % filled) == {"a": '7 of 100% "abcdef"', "b": 7, "c": "abcdef"}


def test_fields_are_read_as_they_were_sent() -> None:
    """A request's field is told as routes changed it, also one that the proxy makes."""
    record = forwarded()
    record.sent = {b"x-a": b"changed", b"x-request-id": b"other"}
    assert compile_text("%REQ(X-A)% %REQ(X-REQUEST-ID)% %REQ(USER-AGENT)%")(record) == b"changed other -"
