"""The OpenAPI 3.1 document, made from the contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    from shared.contracts.catalogue import AnyContract, Catalogue
    from shared.contracts.model import Model

_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457; `errors` points to the fields that are wrong.",
    "required": ["type", "title", "status", "detail", "instance", "requestId"],
    "properties": {
        **{
            name: {"type": "string"}
            for name in ("type", "title", "detail", "instance", "requestId")
        },
        "status": {"type": "integer"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
_OBJECT = {"type": "object"}
_Schema = dict[str, Any]
_BYTES: _Schema = {"application/octet-stream": {}}


def document(catalogue: Catalogue, *, version: str) -> _Schema:
    """Return the description of the API that `catalogue` makes."""
    contracts = [catalogue[name] for name in sorted(catalogue)]
    models: list[type[Model]] = [JobOptions, *(c.data for c in contracts)]
    refs, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF
    )
    by_model = {model: schema for (model, _), schema in refs.items()}
    paths: _Schema = {
        f"/api/v1/jobs/{queue}": {
            "post": _add(queue, [c for c in contracts if c.queue == queue], by_model)
        }
        for queue in catalogue.queues()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Nightshift", "version": version},
        "security": [{"token": []}],
        "paths": paths | _FIXED_PATHS,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": definitions["$defs"] | {"Problem": _PROBLEM},
        },
    }


def _add(
    queue: str, contracts: list[AnyContract], refs: dict[type[Any], _Schema]
) -> _Schema:
    options = refs[JobOptions]
    bodies = [_body(contract, refs[contract.data], options) for contract in contracts]
    return {
        "summary": f"Put a job into the queue {queue}",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": bodies}}},
        },
        "responses": {
            "202": _json("The new job; Location is its address"),
            "200": _json("The job that already had this opts.jobId"),
            "default": _FAILED,
        },
    }


def _body(contract: AnyContract, data: _Schema, options: _Schema) -> _Schema:
    return {
        "type": "object",
        "description": contract.summary,
        "additionalProperties": False,
        "required": ["name", "data"],
        "properties": {"name": {"const": contract.name}, "data": data, "opts": options},
    }


def _json(description: str) -> _Schema:
    content = {"application/json": {"schema": _OBJECT}}
    return {"description": description, "content": content}


_FAILED = {
    "description": "What went wrong",
    "content": {
        "application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}
    },
}


def _get(summary: str, *names: str, query: _Schema | None = None) -> _Schema:
    parameters: list[_Schema] = [
        {"name": n, "in": "path", "required": True, "schema": {"type": "string"}}
        for n in names
    ]
    return {
        "get": {
            "summary": summary,
            "parameters": parameters + ([query] if query else []),
            "responses": {"200": _json(summary), "default": _FAILED},
        }
    }


_WAIT = {
    "name": "wait",
    "in": "query",
    "description": "Seconds to wait for the job's end",
    "schema": {"type": "number", "minimum": 0, "maximum": 25},
}
_FIXED_PATHS: _Schema = {
    "/api/v1/jobs/{queue}/stats": _get("Jobs of a queue per state", "queue"),
    "/api/v1/jobs/{queue}/{id}": _get("A job", "queue", "id", query=_WAIT),
    "/api/v1/jobs/{queue}/{id}/logs": _get("What a job logged", "queue", "id"),
    "/api/v1/tasks": _get("Every task with its schemas"),
    "/api/v1/files": {
        "post": {
            "summary": "Store a file",
            "requestBody": {"required": True, "content": _BYTES},
            "responses": {"201": _json("The file's id"), "default": _FAILED},
        }
    },
    "/api/v1/files/{id}": {
        "get": {
            **_get("A file's content", "id")["get"],
            "responses": {
                "200": {"description": "The content", "content": _BYTES},
                "default": _FAILED,
            },
        }
    },
}
