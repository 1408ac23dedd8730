"""ES0100 to ES0199: documents against the schema of their kind."""

from __future__ import annotations

from edgesim.model.codes.code import SERVICE, UPSTREAM, Code, error, route, routed

_GOOD_ROUTE = routed("routeAction: {single: {upstream: {name: echo}}}\n")

SCHEMA: tuple[Code, ...] = (
    error(
        "ES0100",
        "No apiVersion or kind",
        "Without both nobody can tell what the document is.",
        "kind: Service\nmetadata: {name: echo}\n",
        SERVICE,
    ),
    error(
        "ES0101",
        "A kind that does not exist",
        "The apiVersion belongs to Kubernetes or Gloo, but it has no kind of this name.",
        UPSTREAM.replace("Upstream", "Upstrem"),
        UPSTREAM,
    ),
    error(
        "ES0102",
        "The wrong apiVersion for a kind",
        "The kind exists, but under another apiVersion.",
        UPSTREAM.replace("gloo.solo.io/v1", "gateway.solo.io/v1"),
        UPSTREAM,
    ),
    error(
        "ES0103",
        "An unknown field",
        "The kind has no such field here. The API server would refuse the document too.",
        UPSTREAM.replace("hosts:", "host:"),
        UPSTREAM,
    ),
    error(
        "ES0104",
        "The wrong type",
        "The field holds a value of another type than its kind wants, such as text where a number belongs.",
        UPSTREAM.replace("5678", "'5678'"),
        UPSTREAM,
    ),
    error(
        "ES0105",
        "A required field is missing",
        "The kind cannot do without this field (`null` counts as missing).",
        UPSTREAM.replace("name: echo", "labels: {app: echo}"),
        UPSTREAM,
    ),
    error(
        "ES0106",
        "Out of range",
        "A number is outside what the field can hold, or a list is too short. A negative weight is one of these.",
        routed(
            """\
            routeAction:
              multi:
                destinations:
                - {destination: {upstream: {name: echo}}, weight: -1}
                - {destination: {upstream: {name: echo}}, weight: 2}
            """
        ),
        routed(
            """\
            routeAction:
              multi:
                destinations:
                - {destination: {upstream: {name: echo}}, weight: 1}
                - {destination: {upstream: {name: echo}}, weight: 2}
            """
        ),
    ),
    error(
        "ES0107",
        "Not one of the allowed values",
        "The field takes one of a few names (or their numbers).",
        route("redirectAction: {hostRedirect: example.com, responseCode: MOVED}\n"),
        route("redirectAction: {hostRedirect: example.com, responseCode: MOVED_PERMANENTLY}\n"),
    ),
    error(
        "ES0108",
        "Fields that exclude each other",
        "Of these fields only one can be set; Gloo refuses to read the document.",
        routed(
            """\
            matchers: [{prefix: /api, exact: /api}]
            routeAction: {single: {upstream: {name: echo}}}
            """
        ),
        _GOOD_ROUTE,
    ),
    error(
        "ES0109",
        "Malformed text",
        "The text has not the form of the field: a duration (`1.5s`, `500ms`, `1m30s`), a DNS name, ...",
        routed(
            """\
            routeAction: {single: {upstream: {name: echo}}}
            options: {timeout: 5 seconds}
            """
        ),
        routed(
            """\
            routeAction: {single: {upstream: {name: echo}}}
            options: {timeout: 5s}
            """
        ),
    ),
)
