"""Users who keep their cookies, and how their answers were spread over destinations."""

from __future__ import annotations

from collections import Counter
from random import Random

from edgesim.load.answers import Answer
from edgesim.load.results import SessionPattern


class User:
    """Somebody with cookies: kept by name, for every path, until the server takes them away."""

    __slots__ = ("_line", "cookies", "left", "seen")

    def __init__(self, left: int) -> None:
        """Begin without cookies; `left` requests to go, 0 for no end."""
        self.cookies: dict[str, str] = {}
        self.seen: dict[str, int] = {}
        self.left = left
        self._line = b""

    def saw(self, destination: str) -> None:
        """Count an answer."""
        self.seen[destination] = self.seen.get(destination, 0) + 1

    def take_cookies(self, answer: Answer) -> bool:
        """Keep what the answer sets; tell whether it sets anything."""
        given = [value.decode("latin-1") for name, value in answer.fields if name == b"set-cookie"]
        for each in given:
            pair, *attributes = each.split(";")
            name, _, value = pair.partition("=")
            if any(attribute.strip().lower() in {"max-age=0", "max-age=-1"} for attribute in attributes):
                self.cookies.pop(name.strip(), None)
            else:
                self.cookies[name.strip()] = value.strip()
        if given:
            pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            self._line = f"Cookie: {pairs}\r\n".encode("latin-1") if pairs else b""
        return bool(given)

    def with_cookies(self, data: bytes) -> bytes:
        """Return a request with the user's cookies after its first line."""
        if not self._line:
            return data
        end = data.index(b"\n") + 1
        return data[:end] + self._line + data[end:]


class Users:
    """All users of a client process."""

    def __init__(self, number: int, requests: int, random: Random) -> None:
        """Make so many users; each is replaced after so many requests, 0 for never."""
        self._requests = requests
        self._random = random
        self.users = [User(requests) for _ in range(number)]
        self._patterns: Counter[frozenset[tuple[str, int]]] = Counter()

    def any(self) -> User:
        """Return the user whose request is next: each is as likely as the others."""
        return self.of(self._random.randrange(len(self.users)))

    def of(self, index: int) -> User:
        """Return the user at an index for one more request, a new one where the last is through."""
        user = self.users[index]
        if self._requests:
            if not user.left:
                self._leave(user)
                user = self.users[index] = User(self._requests)
            user.left -= 1
        return user

    def _leave(self, user: User) -> None:
        if user.seen:
            self._patterns[frozenset(user.seen.items())] += 1

    def patterns(self) -> list[SessionPattern]:
        """Return what all users saw, those who left too; to be asked once, at the end."""
        for user in self.users:
            self._leave(user)
        return [SessionPattern(dict(seen), users) for seen, users in sorted(self._patterns.items(), key=str)]
