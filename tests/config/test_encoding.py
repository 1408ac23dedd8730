"""Pieces of the model on disk."""

from __future__ import annotations

import pickle

from edgesim.cli.offline import load
from edgesim.config.encoding import pack, unpack
from edgesim.model import Model
from tests.running import ROOT, canary


def test_a_piece_is_written_as_it_would_write_itself() -> None:
    """What is quicker leaves the format as it is, and the model comes back equal."""
    model = load([*canary("echo", "upstream", "echo-v2", "vs-5"), ROOT / "configs/teams/delegation"]).translation.model
    packed = pack(model)
    assert packed == pickle.dumps(model, 5)
    assert unpack(packed, Model) == model
