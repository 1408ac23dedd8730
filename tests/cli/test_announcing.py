from __future__ import annotations

import pytest

from edgesim.cli.announcing import Reporter
from edgesim.config.serving import Policy
from edgesim.control import Instance
from tests.control.scenes import documents, puts
from tests.control.test_policies import GOOD, MISSING, REGEX, REPLACING, broken, gateway


class Told:
    """What `up` prints of the changes of an instance."""

    def __init__(self, instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
        self._instance = instance
        self._capsys = capsys
        instance.listen(Reporter().report)

    async def of(self, text: str) -> list[str]:
        """Write, and return the lines that are no details of a problem."""
        await self._instance.write(puts(text))
        return [line for line in self._capsys.readouterr().err.splitlines() if not line.startswith(" ")]


async def test_what_is_held_up_and_when_it_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    """A problem is printed once, with what it holds up; so is the end of it."""
    told = Told(gateway(Policy.FREEZE), capsys)
    assert await told.of(GOOD) == []
    problem, held = await told.of(broken(REGEX))
    assert ("ES0208" in problem, held) == (True, "what was served stays served until this is mended")
    assert await told.of(broken(REGEX).replace("f2", "f3")) == []
    assert await told.of(GOOD) == ["the configuration is sound again, and served"]


async def test_what_is_replaced_is_not_called_sound(capsys: pytest.CaptureFixture[str]) -> None:
    """When replacement lets changes go live, something is still broken, and that is what is said."""
    told = Told(gateway(Policy.FREEZE), capsys)
    await told.of(GOOD)
    await told.of(broken(MISSING))
    problem, served = await told.of(REPLACING)
    assert "ES0214" in problem
    assert served == "everything is served; what is broken answers by itself (replaceInvalidRoutes)"


async def test_warnings_that_are_served_are_not_called_sound(capsys: pytest.CaptureFixture[str]) -> None:
    """Under isolate a warning may remain when nothing is held up any more."""
    told = Told(gateway(Policy.ISOLATE), capsys)
    await told.of(GOOD)
    held = (await told.of(broken(REGEX)))[-1]
    assert held.startswith("what has an error stays as it was served")
    assert (await told.of(documents(broken(MISSING))))[-1] == "everything is served"
