"""`python -m benchmarks.contestant NAME JOBS`: one run on a fresh server, as JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from pathlib import Path

import structlog

from benchmarks.measure import measure
from benchmarks.nightshift_contestant import NightshiftContestant
from benchmarks.stock_contestant import StockContestant
from cli.redis_server import RedisServer

CONTESTANTS = {"nightshift": NightshiftContestant, "dramatiq": StockContestant}


def main() -> None:
    """Run the contestant named on the command line."""
    name, jobs = sys.argv[1], int(sys.argv[2])
    logging.basicConfig(level=logging.ERROR)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder:
        program = os.environ.get("NIGHTSHIFT_TEST_REDIS")
        server = RedisServer(
            Path(folder) / "redis", program=Path(program) if program else None
        )
        with server:
            contestant = CONTESTANTS[name](server.url, Path(folder))
            print(json.dumps(measure(contestant, jobs=jobs)))


if __name__ == "__main__":
    main()
