"""ES1100 to ES1199: the simulation in bulk, its population and its questions."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error

_FILES = "configs/two-phased-canary/{echo,upstream,vs-5}.yaml"


def _population(text: str) -> str:
    return f"$ cat population.yaml\n{text}$ edgesim simulate {_FILES} --population population.yaml\n"


SIMULATE: tuple[Code, ...] = (
    error(
        "ES1100",
        "No population",
        "A file that describes a population is one mapping with any of `hosts`, `paths`, `methods`, `headers`, `query`, "
        "`users`, `rate` and `versions`; it has no `kind`.",
        _population("[]\n"),
        _population("paths: {/: 3, /items: 1}\n"),
        console=True,
    ),
    error(
        "ES1101",
        "A value of a population that cannot be read",
        "The message says what the field takes: shares as `5%`, durations as `20ms`, hosts as `shop.example:8080`, paths "
        "that begin with `/`. Shares of one header or parameter may leave a rest, which does not send it; they cannot be "
        "more than everything.",
        _population("headers: {stage: {canary: 105%}}\n"),
        _population("headers: {stage: {canary: 5%}}\n"),
        console=True,
    ),
    error(
        "ES1102",
        "A version that no destination is",
        "An entry of `versions`, or `--canary`, names a destination that requests can reach: by its cluster, by a value of "
        "its subset (`v2`), or by both as the table of the split shows it.",
        _population("versions: {v3: {errors: 1%}}\n"),
        _population("versions: {v2: {errors: 1%}}\n"),
        console=True,
    ),
    error(
        "ES1103",
        "An option of a simulation that cannot be read",
        "The message names the option and what it takes: `--detect 'errors+1%'`, `--plan 5%:10m,25%:10m,100%` with shares "
        "that grow, `--risk 'users<1000'`.",
        f"$ edgesim simulate {_FILES} --plan '5%'\n"
        "ES1103 --plan `5%`: the last step is `100%`: a plan ends when everybody has the new version\n",
        f"$ edgesim simulate {_FILES} --plan 5%:10m,100% --rate 200 --detect 'errors+1%'\n",
        console=True,
    ),
    error(
        "ES1104",
        "A plot cannot be drawn",
        "`--plot` needs matplotlib, which comes with the extra `plot`, and a file it can write whose name ends in `.png` "
        "or `.svg`.",
        f"$ edgesim simulate {_FILES} --plot split.txt\n"
        "ES1104 --plot `split.txt`: the name of the file ends in `.png` or `.svg`\n",
        f"$ pip install 'edgesim[plot]'\n$ edgesim simulate {_FILES} --plot split.png\n",
        console=True,
    ),
    error(
        "ES1105",
        "A question that cannot be answered",
        "Something is missing that the answer depends on: the rate of requests, a split to hold at 5%, a version that is "
        "worse; or users cannot be told apart by what they send.",
        f"$ edgesim simulate {_FILES} --detect 'errors+1%'\n"
        "ES1105 how long it takes depends on the rate of requests; say it with `--rate`\n",
        f"$ edgesim simulate {_FILES} --detect 'errors+1%' --rate 200\n",
        console=True,
    ),
    error(
        "ES1106",
        "A measured run that cannot be read",
        "`latency: {from: FILE}` of a version takes the JSON that `edgesim load --save` wrote, with answers of that "
        "version (by `--by`) or, where it tells no versions apart, of any.",
        _population("versions: {v2: {latency: {from: no-such-run.json}}}\n"),
        "$ edgesim load http://localhost:8080/ --save run.json\n"
        + _population("versions: {v2: {latency: {from: run.json}}}\n"),
        console=True,
    ),
)
