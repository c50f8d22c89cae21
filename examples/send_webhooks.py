"""A signed event to a receiver on this machine, and the log of that receiver.

The worker must be one that may call this machine, as that of `make up`.
"""

from __future__ import annotations

import json

import service
from listener import listening


def main() -> None:
    """Deliver an event, keep what arrived, and ask what became of it."""
    with listening() as receiver:
        url = f"{receiver.url}/hooks"
        done = service.run(
            "webhook",
            "deliver-webhook",
            {"url": url, "type": "invoice.paid", "payload": {"id": 7}},
        )
        print(f"  the receiver answered {done['status']}")
        known = service.run("webhook", "list-webhook-deliveries", {"url": url})
        for delivery in known["deliveries"]:
            print(f"  {delivery['type']}: {delivery['status']}")
    [request] = receiver.requests
    service.FOLDER.mkdir(parents=True, exist_ok=True)
    kept = {"headers": request.headers, "body": request.body.decode()}
    path = service.FOLDER / "webhook.json"
    path.write_text(json.dumps(kept, indent=2), encoding="utf-8")
    print(f"  {path}")


if __name__ == "__main__":
    main()
