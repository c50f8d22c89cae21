"""A job that reports its progress, one that is tried again, one that comes later."""

from __future__ import annotations

import service


def main() -> None:
    """Run the three."""
    said = service.run("demo", "echo", {"msg": "hello", "steps": 4, "stepMs": 50})
    print(f"  it said {said['msg']!r} after {said['steps']} steps")

    tried = service.run(
        "demo",
        "maybe-fail",
        {"msg": "third time lucky", "fail": 2},
        attempts=3,
        backoff={"type": "exponential", "delay": 100},
    )
    print(f"  it took {tried['attempt']} attempts")

    service.run("demo", "echo", {"msg": "later"}, delay=1000)


if __name__ == "__main__":
    main()
