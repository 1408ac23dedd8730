from __future__ import annotations

import statistics
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesim.backends.behaviour import (
    ANNOTATIONS,
    LATENCY,
    Behaviour,
    Latency,
    behaviour_of,
    parse_address,
    parse_annotations,
    parse_code,
    parse_duration,
    parse_latency,
    parse_rate,
    sample,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20ms", 0.02), ("1.5s", 1.5), ("1m30s", 90.0), ("2h", 7200.0), ("100us", 1e-4), ("0", 0.0), (" 5ms ", 0.005)],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations read as Go writes them."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "20", "ms", "-5ms", "5 ms", "1s2", "1x"])
def test_bad_durations(text: str) -> None:
    """What is no duration is refused with an example of one."""
    with pytest.raises(ValueError, match="20ms"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "latency"),
    [
        ("20ms", Latency("fixed", 0.02)),
        ("normal(20ms,5ms)", Latency("normal", 0.02, 0.005)),
        ("lognormal( 20ms , 5ms )", Latency("lognormal", 0.02, 0.005)),
        ("uniform(10ms,30ms)", Latency("uniform", 0.01, 0.03)),
    ],
)
def test_latencies(text: str, latency: Latency) -> None:
    """A latency is fixed or one of three distributions."""
    assert latency == parse_latency(text)


@pytest.mark.parametrize("text", ["poisson(1ms,2ms)", "uniform(30ms,10ms)", "normal(20ms)", "fixed(1ms,2ms)", "fast"])
def test_bad_latencies(text: str) -> None:
    """An unknown distribution, a wrong number of parameters or a reversed range is refused."""
    with pytest.raises(ValueError, match=r"."):
        parse_latency(text)


@pytest.mark.parametrize(
    ("latency", "mean", "deviation"),
    [
        (Latency("fixed", 0.02), 0.02, 0.0),
        (Latency("normal", 0.02, 0.002), 0.02, 0.002),
        (Latency("lognormal", 0.02, 0.005), 0.02, 0.005),
        (Latency("uniform", 0.01, 0.03), 0.02, 0.02 / 12**0.5),
    ],
)
def test_samples_have_the_moments_they_name(latency: Latency, mean: float, deviation: float) -> None:
    """The parameters are the mean and deviation of the latency itself, of the lognormal too."""
    random = Random(7)
    drawn = [sample(latency, random) for _ in range(20_000)]
    assert statistics.fmean(drawn) == pytest.approx(mean, rel=0.02)
    assert statistics.pstdev(drawn) == pytest.approx(deviation, rel=0.05, abs=1e-9)


@given(st.floats(0, 10), st.floats(0, 10), st.integers())
def test_no_sample_is_negative(first: float, second: float, seed: int) -> None:
    """No distribution ever asks to answer before the request."""
    random = Random(seed)
    low, high = sorted((first, second))
    for name in ("normal", "lognormal"):
        assert sample(Latency(name, first, second), random) >= 0
    assert low <= sample(Latency("uniform", low, high), random) <= high


@pytest.mark.parametrize(("text", "rate"), [("0.05", 0.05), ("5%", 0.05), ("100%", 1.0), ("0", 0.0), ("1", 1.0)])
def test_rates(text: str, rate: float) -> None:
    """A rate is a share or a percentage."""
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["5", "101%", "-1%", "half", ""])
def test_bad_rates(text: str) -> None:
    """A rate above one is refused, with what was likely meant."""
    with pytest.raises(ValueError, match=r"."):
        parse_rate(text)


def test_bad_codes_and_addresses() -> None:
    """Codes outside 200 to 599 and addresses without a port are refused."""
    for text in ("99", "600", "ok", "100"):
        with pytest.raises(ValueError, match="status code"):
            parse_code(text)
    for text in ("localhost", "http://localhost:3000", ":3000", "a:0", "a:70000", "a:b"):
        with pytest.raises(ValueError, match=r"."):
            parse_address(text)
    assert parse_address("[::1]:3000") == ("::1", 3000)


def test_annotations_become_a_behaviour() -> None:
    """Good annotations make the behaviour, a bad one is told of by its own code and left out."""
    values, bad = parse_annotations(
        {
            "edgesim.io/latency": "quick",
            "edgesim.io/error-rate": "5%",
            "edgesim.io/error-code": "503",
            "edgesim.io/degrade-after": "30s",
            "prometheus.io/scrape": "true",
        }
    )
    assert Behaviour(None, 0.05, 503, 30.0) == behaviour_of(values)
    assert [(one.name, one.code) for one in bad] == [(LATENCY, "ES0411")]


def test_every_annotation_has_a_code_of_its_own() -> None:
    """No two rows of the table share a code."""
    codes = [row.code for row in ANNOTATIONS.values()]
    assert sorted(set(codes)) == sorted(codes)
