"""A process of Locust: alone, master or worker (`python -m edgesim.load.locust_process`).

Nothing is imported here that gevent must have patched before.
"""

from __future__ import annotations

import argparse
import sys

PACKAGE = "pip install 'edgesim[locust]'"


def main() -> int:
    """Run as a child of `locust_driver`, or as a worker of a master on another machine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int, default=-1)
    parser.add_argument("--worker", metavar="HOST:PORT", default="")
    parser.add_argument("--master", metavar="HOST:PORT", default="")
    parser.add_argument("--processes", type=int, default=0)
    given = parser.parse_args()
    try:
        from gevent import monkey  # noqa: PLC0415 - before all else

        monkey.patch_all()
        from edgesim.load import locust_roles  # noqa: PLC0415 - patched now
    except ImportError:
        from edgesim.model.codes import failure  # noqa: PLC0415 - as above

        sys.stderr.write(f"{failure('ES1214', 'Locust is not installed', PACKAGE)}\n")
        return 2
    if given.worker:
        return locust_roles.worker(given.worker, given.channel)
    if given.master:
        return locust_roles.master(given.channel, given.master, given.processes)
    return locust_roles.alone(given.channel)


if __name__ == "__main__":
    sys.exit(main())
