"""Options of the fixture are those of `edgesim up`."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgesim.cli.settings import KubeSettings
from edgesim.config.serving import Policy
from edgesim.testing.options import OptionError, settings_from

PATHS = (Path("vs.yaml"),)


def test_options_are_read_as_the_command_line_reads_them() -> None:
    """Names are those of `up` with underscores; ports are free ones, and no state is kept, unless they are named."""
    told = settings_from(
        PATHS, {"invalid_config": "isolate", "workers": 2, "access_log": "-", "keep_going": True, "route_header": False}
    )
    assert (told.policy, told.workers, told.access_log, told.keep_going) == (Policy.ISOLATE, 2, "-", True)
    assert (told.paths, told.port, told.admin_port, told.tls_port, told.state) == (PATHS, 0, 0, 0, "off")
    assert not told.route_header
    assert told.kube is None


def test_the_kubernetes_api_takes_a_free_port_unless_one_is_named() -> None:
    """As every other port of the fixture."""
    assert settings_from(PATHS, {"kube": True}).kube == KubeSettings(port=0)
    assert settings_from(PATHS, {"kube": True, "kube_port": 8001, "rbac": True}).kube == KubeSettings(
        port=8001, rbac=True
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workerz": 2}, "no option of `edgesim up`: workerz"),
        ({"paths": "x"}, "no option of `edgesim up`: paths"),
        ({"workers": 0}, "--workers"),
        ({"invalid_config": "isolat"}, "--invalid-config"),
        ({"port": "many"}, "--port"),
        ({"rbac": True}, "--kube"),
    ],
)
def test_what_up_refuses_is_refused(options: dict[str, object], said: str) -> None:
    """An option that `up` does not have or a value it does not take is named."""
    with pytest.raises(OptionError, match=said):
        settings_from(PATHS, options)
