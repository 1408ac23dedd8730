from __future__ import annotations

import pytest

from tests.dialects.options import options, refused


def test_a_header_value_may_hold_commands() -> None:
    """Envoy's command operators, and a percent sign written twice."""
    value = "%DOWNSTREAM_REMOTE_ADDRESS% %REQ(x-a)% 100%%"
    text = f"headerManipulation: {{responseHeadersToAdd: [{{header: {{key: a, value: '{value}'}}}}]}}"
    assert options(text).problems == []


@pytest.mark.parametrize("value", ["%NO_SUCH%", "50% off", "%REQ%", "%"])
def test_another_percent_sign_is_an_error(value: str) -> None:
    """Envoy would refuse the whole route configuration."""
    text = f"headerManipulation: {{requestHeadersToAdd: [{{header: {{key: a, value: '{value}'}}}}]}}"
    assert refused(options(text)) == ("ES0238", "headerManipulation.requestHeadersToAdd[0].header.value")
