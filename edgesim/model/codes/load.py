"""ES0900 to ES0999: load, its options and its runs."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error

LOAD: tuple[Code, ...] = (
    error(
        "ES0900",
        "An option of a load that cannot be read",
        "A rate, a duration, a header, a request, a destination (`--by`) or the URL is not written as it must be. The "
        "message names the option and what it takes.",
        "$ edgesim load http://localhost:8080/ --rate fast\n"
        "ES0900 --rate `fast`: `fast` is no rate (requests a second): try `--rate 100` or `--rate 0-500:30s,500:2m`\n",
        "$ edgesim load http://localhost:8080/ --rate 100\n",
        console=True,
    ),
    error(
        "ES0901",
        "A stop condition that cannot be read",
        "`--fail-if` and `--find-max` take a percentile (`p99`), the `mean` or the `max` with a duration, or `errors` "
        "with a share in percent or a number, compared with `<` or `>`.",
        "$ edgesim load http://localhost:8080/ --fail-if 'p99>50'\n"
        "ES0901 --fail-if `p99>50`: `50` is no duration: write `50ms` or `0.05s`\n",
        "$ edgesim load http://localhost:8080/ --fail-if 'p99>50ms' --fail-if 'errors>1%'\n",
        console=True,
    ),
    error(
        "ES0902",
        "The target cannot be loaded",
        "The name of the host is unknown, the file with certificates cannot be read, or the pattern of `--by body:` is "
        "refused: nothing was sent.",
        "$ edgesim load http://no.such.host/\nES0902 no.such.host: Name or service not known\n",
        "$ edgesim load http://localhost:8080/\n",
        console=True,
    ),
    error(
        "ES0903",
        "A client process ended",
        "The processes that send the load cannot be started, or one ended before its work was done: the system lacks "
        "memory or processes, or somebody killed it. What was measured so far is lost.",
        "$ edgesim load http://localhost:8080/ --workers 64\n"
        "ES0903 client process 4711 ended before its work was done\n",
        "$ edgesim load http://localhost:8080/ --workers 1\n",
        console=True,
    ),
)
