"""Users, and where a route sticks to them: the hash that chooses instead of the draw, for many requests at a time.

What is hashed is hashed by `policies.hashing`, once for each user or class; only the combination is made here, as
`hash_request` makes it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgesim.model import RequestHead
from edgesim.model.codes import failure
from edgesim.model.policies import HashKind, HashPolicy
from edgesim.policies.hashing import Connection, HashStep, compile_hash, hash_request
from edgesim.routing import Decision, Split
from edgesim.routing.weights import choose
from edgesim.simulate.columns import Draws
from edgesim.simulate.population import Users

_LOCAL = b"127.0.0.1:8080"
_EMPTY = RequestHead(b"GET", b"", b"/")
_NOBODY = Connection(b"", b"", b"")
Part = Draws | int | None
"""What a policy makes of a request: a number for each user, the same for all, or nothing."""
Recipe = tuple[tuple[int | HashPolicy | None, bool], ...]
"""For each policy what is the same for the whole class, or the policy where it depends on the user; is it terminal?"""


class Sticky:
    """The hashes of the users of one run; recipe 0 is no hash."""

    def __init__(self, users: Users | None) -> None:
        """Take the users, None where requests belong to nobody."""
        self.users = users
        self.run = 0
        self.recipes: dict[Recipe, int] = {}
        self._parts: dict[HashPolicy, Draws] = {}

    def begin(self, run: int) -> None:
        """Go on with other users: each run has its own."""
        self.run = run
        self._parts.clear()

    @property
    def are_named(self) -> bool:
        """Tell whether users send who they are."""
        return self.users is not None and bool(self.users.cookie or self.users.header)

    def name(self, user: int) -> str:
        """Return what a user is known by."""
        return f"user-{self.run}-{user}"

    def with_user(self, head: RequestHead, user: int = 0) -> RequestHead:
        """Add what a user sends."""
        users = self.users
        if users is None or not (users.cookie or users.header):
            return head
        field = b"cookie" if users.cookie else users.header.lower().encode()
        value = (f"{users.cookie}={self.name(user)}" if users.cookie else self.name(user)).encode()
        repeated = dict(head.repeated or ())
        if field in head.headers:
            repeated[field] = [*repeated.get(field, (head.headers[field],)), value]
        headers = head.headers | {field: value}
        return RequestHead(head.method, head.authority, head.path, head.query, headers, repeated or None)

    def connection(self, user: int) -> Connection:
        """Return the connection of a user, who has an address of his own."""
        number = (user + self.run * 7_919_003) & 0xFFFFFF
        address = b"10.%d.%d.%d" % (number >> 16, number >> 8 & 255, number & 255)
        return Connection(address, b"%b:%d" % (address, 1024 + (user >> 24) + self.run % 60_000), _LOCAL)

    def recipe(self, target: Split[Decision], head: RequestHead) -> int | Decision:
        """Return the number of how a sticky split hashes a class; where all are hashed alike, what it chooses."""
        policies = target.arms[0].route.policies.hash_policies
        steps = compile_hash(policies)
        pairs = zip(policies, steps, strict=True)
        recipe = tuple((self._part(policy, step, head), step.terminal) for policy, step in pairs)
        if any(isinstance(part, HashPolicy) for part, _ in recipe):
            return self.recipes.setdefault(recipe, len(self.recipes) + 1)
        value = hash_request(steps, head, _NOBODY).value
        return 0 if value is None else choose(target, value)

    def _part(self, policy: HashPolicy, step: HashStep, head: RequestHead) -> int | HashPolicy | None:
        if self.users is not None and self._is_users(policy, step, head):
            return policy
        # Without users every request is somebody else's: as good as any draw.
        return step.method(head, _NOBODY)

    def _is_users(self, policy: HashPolicy, step: HashStep, head: RequestHead) -> bool:
        assert self.users is not None
        if policy.kind is HashKind.SOURCE_IP:
            return True
        if policy.kind is HashKind.COOKIE:
            found = step.method(head, _NOBODY)
            if found is None:
                return step.cookie is not None
            return policy.name == self.users.cookie and found == step.method(self.with_user(_EMPTY), _NOBODY)
        name = policy.name.lower()
        if name == "cookie" and self.users.cookie:
            text = "a hash of the whole `cookie` header cannot be simulated for users with cookies"
            raise failure("ES1105", text, "let the route hash the cookie by its name")
        return bool(name) and name == self.users.header.lower()

    def draws(self, recipe: NDArray[Any], users: NDArray[Any] | None, draws: Draws) -> Draws:
        """Return what chooses: the hash where the recipe makes one, else the draw."""
        if len(self.recipes) == 1 and recipe.min() > 0:
            found = self._combined(next(iter(self.recipes)), users)
            return draws if found is None else np.broadcast_to(np.asarray(found, dtype=np.uint64), draws.shape)
        chosen = draws.copy()
        for parts, number in self.recipes.items():
            where = np.flatnonzero(recipe == number)
            if len(where):
                found = self._combined(parts, None if users is None else users[where])
                chosen[where] = draws[where] if found is None else found
        return chosen

    def _combined(self, recipe: Recipe, users: NDArray[Any] | None) -> Part:
        value: Part = None
        for part, terminal in recipe:
            found: Part
            if isinstance(part, HashPolicy):
                assert users is not None
                found = self._of_users(part)[users]
            else:
                found = part
            if found is not None:
                value = found if value is None else _rotated(value) ^ np.uint64(found)
            if terminal and value is not None:
                break
        return value

    def _of_users(self, policy: HashPolicy) -> Draws:
        """Return what a policy makes of each user."""
        assert self.users is not None
        made = self._parts.get(policy)
        if made is None:
            steps = compile_hash((policy,))
            hashes = (
                hash_request(steps, self.with_user(_EMPTY, user), self.connection(user)).value or 0
                for user in range(self.users.count)
            )
            made = self._parts[policy] = np.fromiter(hashes, np.uint64, self.users.count)
        return made


def _rotated(value: Draws | int) -> Any:
    word = np.asarray(value, dtype=np.uint64)
    return word << np.uint64(1) | word >> np.uint64(63)
