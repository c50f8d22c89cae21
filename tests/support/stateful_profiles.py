"""How many sequences of operations the state machine tries, and how long they are."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

#: Sequences and steps.
PROFILES = {"dev": (100, 30), "ci": (600, 40), "nightly": (50_000, 50)}


def profile(name: str) -> settings:
    """Return the settings of one of PROFILES."""
    sequences, steps = PROFILES[name]
    return settings(
        max_examples=sequences,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
