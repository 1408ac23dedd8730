"""ES0900 to ES0999: the command line. Exit code 2, and nothing has been done."""

from __future__ import annotations

from edgesim.model.codes.code import Code, error

COMMAND_LINE: tuple[Code, ...] = (
    error(
        "ES0900",
        "There is no such command or option",
        "The word is no command of edgesim, or the command has no option of that name. `edgesim --help` lists the "
        "commands, `edgesim COMMAND --help` the options of one.",
        "$ edgesim check --strickt vs.yaml\n"
        "edgesim check: no such option: --strickt; did you mean `--strict`? (ES0900)\n",
        "$ edgesim check --strict vs.yaml\n",
        console=True,
    ),
    error(
        "ES0901",
        "An argument or option is missing",
        "The command cannot do without it. `edgesim COMMAND --help` says what it needs.",
        "$ edgesim explain\nedgesim explain: missing argument 'CODE' (ES0901)\n",
        "$ edgesim explain ES0214\n",
        console=True,
    ),
    error(
        "ES0902",
        "A value is not taken",
        "An argument or option has a value that is none of those it takes, or that does not go together with another.",
        "$ edgesim test --fail-under 101 manifests/\n"
        "edgesim test: invalid value for '--fail-under': Input should be less than or equal to 100 (ES0902)\n",
        "$ edgesim test --fail-under 100 manifests/\n",
        console=True,
    ),
    error(
        "ES0903",
        "The command line cannot be read",
        "There are more arguments than the command takes, or an option stands without its value.",
        "$ edgesim stats --by\nedgesim stats: Option '--by' requires an argument (ES0903)\n",
        "$ edgesim stats --by version\n",
        console=True,
    ),
)
