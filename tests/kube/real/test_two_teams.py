"""Two teams behind one gateway, each confined to its namespace, by `kubectl` as the users of `edgesim kubeconfig --as`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kube.real import binaries, cluster
from tests.kube.real.cluster import Cluster
from tests.running import ROOT, Finished

pytestmark = pytest.mark.slow
TEAMS = ROOT / "configs" / "teams"
TYPO = '[{"op":"replace","path":"/spec/routes/0/routeAction/single/upstream/name","value":"echo-typo"}]'
MENDED = TYPO.replace("echo-typo", "echo")
EVERYONE = '[{"op":"replace","path":"/spec/routes/1/routeAction/single/subset/values/version","value":"v2"}]'
REPLACE = '{"spec":{"gloo":{"invalidConfigPolicy":{"replaceInvalidRoutes":true}}}}'
OBEY = '{"spec":{"gateway":{"validation":{"alwaysAccept":false}}}}'


@pytest.fixture(params=[binaries.OLDEST, binaries.NEWEST])
def teams(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teams]:
    """The delegation form of two teams, each with the rights of an editor in its own namespace."""
    with cluster.cluster(tmp_path_factory.mktemp("home"), TEAMS / "delegation") as running:
        each = Teams(running, request.param)
        for team in ("echo", "foxtrot"):
            each.admin("rollout", "status", "-n", team, f"deploy/{team}-v2")
            each.admin("create", "rolebinding", team, "-n", team, "--clusterrole=edit", f"--user={team}-team")
        yield each


class Teams:
    """What each of the three people types."""

    def __init__(self, kube: Cluster, version: str) -> None:
        self.kube = kube
        self.version = version

    def admin(self, *words: str) -> str:
        """Return what the platform's administrator gets told."""
        return self.kube.says(*words, version=self.version)

    def team(self, name: str, *words: str) -> Finished:
        """Run kubectl as a team."""
        return self.kube.kubectl(*words, version=self.version, config=self.kube.user(f"{name}-team"))

    def patch(self, name: str, operation: str) -> None:
        """Patch a team's RouteTable, as the team."""
        done = self.team(name, "patch", "rt", name, "-n", name, "--type=json", "-p", operation)
        assert (done.code, done.out.strip()) == (0, f"routetable.gateway.solo.io/{name} patched"), done

    def answers(self) -> tuple[str, str, str, str]:
        """Return what users get of echo, echo's canary, foxtrot, foxtrot's canary."""
        echo, echo_canary, foxtrot, foxtrot_canary = (
            f"{status} {body}".strip()
            for path in ("/echo", "/foxtrot")
            for status, body in (self.kube.curl(path), self.kube.curl(path, stage="canary"))
        )
        return echo, echo_canary, foxtrot, foxtrot_canary


def test_neither_team_touches_the_others_routes(teams: Teams) -> None:
    """A team changes its own table and no other; the refusal is Kubernetes', and `can-i` knew before."""
    forbidden = (
        'Error from server (Forbidden): routetables.gateway.solo.io "foxtrot" is forbidden: User "echo-team" cannot '
        'patch resource "routetables" in API group "gateway.solo.io" in the namespace "foxtrot"'
    )
    refused = teams.team("echo", "patch", "rt", "foxtrot", "-n", "foxtrot", "--type=json", "-p", EVERYONE)
    # patch reads first where the patch type is not the server's alone
    assert (refused.code, refused.err.strip().replace("cannot get", "cannot patch")) == (1, forbidden), refused
    for namespace, answer in (("echo", "yes"), ("foxtrot", "no")):
        asked = teams.team("echo", "auth", "can-i", "patch", "routetables.gateway.solo.io", "-n", namespace)
        assert asked.out.strip() == answer, asked
    listed = teams.team("echo", "get", "vs", "-A")
    assert (listed.code, "at the cluster scope" in listed.err) == (1, True), listed
    as_admin = teams.kube.kubectl("get", "rt", "-n", "foxtrot", "--as", "echo-team", version=teams.version)
    assert (as_admin.code, 'User "echo-team" cannot list' in as_admin.err) == (1, True), as_admin
    assert teams.answers() == ("200 echo:v1", "200 echo:v2", "200 foxtrot:v1", "200 foxtrot:v2")


def test_one_teams_mistake_and_the_others_release(teams: Teams) -> None:
    """A typo freezes both until routes are replaced by `kubectl patch` of Settings; then it costs one team one route."""
    teams.patch("echo", TYPO)
    teams.patch("foxtrot", EVERYONE)
    assert teams.answers() == ("200 echo:v1", "200 echo:v2", "200 foxtrot:v1", "200 foxtrot:v2")
    warned = "--for=jsonpath={.status.statuses.gloo-system.state}=Warning"
    assert teams.team("echo", "wait", "rt/echo", "-n", "echo", warned, "--timeout=30s").code == 0
    assert "echo-typo" in teams.team("echo", "describe", "rt", "echo", "-n", "echo").out
    teams.admin("wait", "vs", "--all", "-n", "gloo-system", warned, "--timeout=30s")
    patched = teams.admin("patch", "settings", "default", "-n", "gloo-system", "--type=merge", "-p", REPLACE)
    assert patched == "settings.gloo.solo.io/default patched"
    echo, echo_canary, foxtrot, foxtrot_canary = teams.answers()
    assert (echo, echo_canary[:3], foxtrot, foxtrot_canary) == (
        "200 echo:v1",
        "404",
        "200 foxtrot:v2",
        "200 foxtrot:v2",
    )
    teams.patch("echo", MENDED)
    assert teams.answers() == ("200 echo:v1", "200 echo:v2", "200 foxtrot:v2", "200 foxtrot:v2")
    assert teams.team("foxtrot", "delete", "deploy/foxtrot-v1", "-n", "foxtrot").code == 0
    assert teams.answers()[2:] == ("200 foxtrot:v2", "200 foxtrot:v2")


def test_a_webhook_that_does_not_always_accept_refuses_the_mistake(teams: Teams) -> None:
    """With `alwaysAccept: false` the typo is refused at once, dry run or not, in the webhook's words."""
    teams.admin("patch", "settings", "default", "-n", "gloo-system", "--type=merge", "-p", OBEY)
    words = ("patch", "rt", "echo", "-n", "echo", "--type=json", "-p")
    bad = '[{"op":"replace","path":"/spec/routes/0/matchers/0","value":{"regex":"/echo(a"}}]'
    for dry in ((), ("--dry-run=server",)):
        refused = teams.team("echo", *words, bad, *dry)
        assert refused.code == 1, refused
        assert 'admission webhook "gloo.gloo-system.svc" denied the request:' in refused.err, refused
    assert teams.answers() == ("200 echo:v1", "200 echo:v2", "200 foxtrot:v1", "200 foxtrot:v2")


def test_rights_follow_the_bindings_at_once(teams: Teams) -> None:
    """A deleted binding takes the rights; with the last one gone, everybody may do everything."""
    reads = ("get", "rt", "-n", "echo", "-o", "name")
    assert teams.team("echo", *reads).out.strip() == "routetable.gateway.solo.io/echo"
    teams.admin("delete", "rolebinding", "echo", "-n", "echo")
    assert teams.team("echo", *reads).code == 1
    teams.admin("delete", "rolebinding", "foxtrot", "-n", "foxtrot")
    assert teams.team("echo", *reads).code == 0
