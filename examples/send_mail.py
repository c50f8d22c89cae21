"""A mail with an invoice and a logo, and a newsletter to several readers."""

from __future__ import annotations

import service

ITEMS = [
    {"name": "Green tea", "quantity": 2, "price": "€ 4.00"},
    {"name": "Teapot", "quantity": 1, "price": "€ 29.00"},
]


def main() -> None:
    """Send all of them."""
    order_confirmation()
    newsletter()


def order_confirmation() -> None:
    """Make an invoice and a logo, and send both with the confirmation."""
    invoice = service.run(
        "report",
        "generate-report",
        {"format": "pdf", "title": "Invoice A-17", "template": "invoice"}
        | {"context": invoice_context()},
    )
    picture = (service.PHOTOS / "chelsea.png").read_bytes()
    logo = service.run(
        "image",
        "process-image",
        {
            "source": service.upload(picture, "logo.png", "image/png"),
            "width": 160,
            "height": 60,
            "fit": "cover",
        },
    )
    sent = service.run(
        "email",
        "send-email",
        {
            "to": ["ada@example.com"],
            "cc": ["accounts@example.com"],
            "bcc": ["archive@example.com"],
            "replyTo": "help@example.com",
            "template": "order-confirmation",
            "context": {
                "name": "Ada",
                "order_number": "A-17",
                "items": ITEMS,
                "total": "€ 37.00",
                "link": "https://example.com/orders/A-17",
            },
            "attachments": [invoice["file"]["id"]],
            "inlineImages": {"logo": logo["file"]["id"]},
        },
    )
    print(f"  {sent['messageId']} to {', '.join(sent['accepted'])}")


def invoice_context() -> service.Document:
    """Return what stands on the invoice."""
    return {
        "number": "A-17",
        "date": "2026-11-22",
        "seller": {"name": "The Tea Shop", "lines": ["1 Leaf Lane", "Teatown"]},
        "buyer": {"name": "Ada Lovelace", "lines": ["12 Engine Street", "London"]},
        "items": [
            {"text": "Green tea", "quantity": 2, "price": 4.0},
            {"text": "Teapot", "quantity": 1, "price": 29.0},
        ],
        "currency": "EUR",
    }


def newsletter() -> None:
    """Send one mail each, spread over a second."""
    readers = [
        {
            "to": f"reader{number}@example.com",
            "context": {"unsubscribe_link": f"https://example.com/bye/{number}"},
            "unsubscribe": f"https://example.com/bye/{number}",
        }
        for number in (1, 2, 3)
    ]
    done = service.run(
        "email",
        "send-bulk-email",
        {
            "template": "newsletter",
            "context": {
                "title": "News of November",
                "intro": "The first snow, and a new oolong.",
                "articles": [
                    {
                        "title": "Oolong",
                        "text": "It came by ship.",
                        "link": "https://example.com/oolong",
                    }
                ],
                "link": "https://example.com/news",
            },
            "recipients": readers,
            "spreadMs": 1000,
        },
    )
    print(f"  {done['created']} mails follow within {done['spreadMs']} ms")


if __name__ == "__main__":
    main()
