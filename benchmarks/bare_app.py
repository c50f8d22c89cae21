"""The least that a Flask route can do: read JSON, answer JSON."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.post("/bare")
def bare() -> tuple[Response, int]:
    """Answer with what came in."""
    return jsonify(request.get_json()), 202
