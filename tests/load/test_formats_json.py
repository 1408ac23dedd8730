from __future__ import annotations

import msgspec

from edgesim.load.formats_json import LoadOutput, as_json
from edgesim.load.percentiles import latency_of, named
from edgesim.load.results import LoadResult
from tests.load import samples


def test_a_saved_run_is_read_again() -> None:
    """The file is the whole result, for whoever reads a result, and the outcome's words beside it."""
    outcome = samples.outcome(samples.result(6))
    written = as_json(outcome)
    assert msgspec.json.decode(written, type=LoadResult) == outcome.result
    read = msgspec.json.decode(written, type=LoadOutput)
    assert read.verdicts == outcome.verdicts
    assert [each.met for each in read.conditions] == [each.true for each in outcome.looked]
    assert read.percentiles.latency == named(latency_of(outcome.result.cells))
    assert read.percentiles.service["p99"] < read.percentiles.latency["p99"]
