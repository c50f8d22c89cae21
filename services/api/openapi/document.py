"""Puts the document together from the routes, their descriptions and the contracts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from services.api.id_converter import RESERVED_IDS, plain
from services.api.openapi.callbacks import WEBHOOKS
from services.api.openapi.components import COMPONENTS
from services.api.openapi.links import links_of
from services.api.openapi.operations import OPERATIONS
from services.api.openapi.parts import JSON, PROBLEM, Operation, Said, Schema, ref
from services.api.permissions import scope_of
from shared.contracts.model import Model
from shared.jobs.names import JOB_ID_PATTERN, QUEUE_PATTERN
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from werkzeug.routing import Map, Rule

    from shared.contracts.catalogue import AnyContract, Catalogue

PREFIX = "/api/v1"
_TEMPLATE = "#/components/schemas/{model}"
_IDS = {
    "job_id": rf"^(?!({'|'.join(sorted(RESERVED_IDS))})$){JOB_ID_PATTERN[1:]}",
    "file_id": "^[0-9a-hjkmnp-tv-z]{20}$",
    "token_id": "^[0-9a-z]{20}$",
    "operation_id": "^[0-9a-z]{20}$",
    "schedule_id": QUEUE_PATTERN,
}
#: Routes whose address names each queue apart, because the body depends on it.
_PER_QUEUE = frozenset({"jobs.add", "jobs.add_bulk", "jobs.index"})
_REFUSED = {
    400: "The body can't be read",
    401: "The token is missing or not good",
    403: "The token is not good for this",
    404: "There is no such thing, or none that this token sees",
    405: "A word that is no id stands here, such as stats; see Allow",
    409: "The state of things forbids it now",
    413: "The body is too large",
    415: "The body is not JSON in UTF-8",
    422: "Something in the request is not valid",
    429: "The queue holds as many jobs as it may; see Retry-After",
    503: "Redis, the file store or room to wait is not available; see Retry-After",
}


def document(
    catalogue: Catalogue, routes: Map, *, version: str, queues: Sequence[str]
) -> Schema:
    """Return the description of the API.

    Args:
        catalogue: The tasks.
        routes: The application's routes.
        version: What it is the description of.
        queues: The queues that its reader sees.
    """
    contracts = [c for _, c in sorted(catalogue.items()) if c.queue in queues]
    schemas = _Schemas(contracts)
    paths: Schema = {}
    for rule in sorted(routes.iter_rules(), key=lambda r: r.rule):
        if not rule.rule.startswith(PREFIX):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            for path, operation in _operations(rule, method, schemas, queues):
                paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Nightshift",
            "version": version,
            "summary": "Background jobs over HTTP",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "webhooks": WEBHOOKS,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**schemas.definitions, **COMPONENTS},
        },
    }


def known_parameters(endpoint: str) -> frozenset[str] | None:
    """Return the query parameters of an endpoint, None for one outside the API."""
    operation = OPERATIONS.get(endpoint)
    return None if operation is None else frozenset(operation.query)


class _Schemas:
    """The models' schemas, under one name each."""

    def __init__(self, contracts: list[AnyContract]) -> None:
        self.contracts = contracts
        inputs = {o.body for o in OPERATIONS.values() if _is_model(o.body)}
        models = {JobOptions, *inputs, *(c.data for c in contracts)}
        results = {c.result for c in contracts}
        wanted = [(m, "validation") for m in _by_name(models)]
        wanted += [(m, "serialization") for m in _by_name(results)]
        refs, found = models_json_schema(wanted, ref_template=_TEMPLATE)  # type: ignore[arg-type]  # its literals
        self._refs = {model: schema for (model, _), schema in refs.items()}
        self.definitions: Schema = found["$defs"]

    def of(self, model: Any) -> Schema:
        """Return the reference to a model's schema."""
        return self._refs[model]

    def jobs_of(self, queue: str) -> Schema:
        """Return the schema of a new job of a queue."""
        bodies = [self._job(c) for c in self.contracts if c.queue == queue]
        return bodies[0] if len(bodies) == 1 else {"oneOf": bodies}

    def _job(self, contract: AnyContract) -> Schema:
        needs_data = any(f.is_required() for f in contract.data.model_fields.values())
        return {
            "type": "object",
            "title": contract.name,
            "description": contract.summary,
            "additionalProperties": False,
            "required": ["name", "data"] if needs_data else ["name"],
            "properties": {
                "name": {"const": contract.name},
                "data": self.of(contract.data),
                "opts": self.of(JobOptions),
            },
        }


def _operations(
    rule: Rule, method: str, schemas: _Schemas, queues: Sequence[str]
) -> Iterable[tuple[str, Schema]]:
    described = OPERATIONS[rule.endpoint]
    path = re.sub(r"<(\w+)>", lambda m: f"{{{_name(m[1])}}}", plain(rule.rule))
    if rule.endpoint not in _PER_QUEUE:
        yield path, _operation(rule, method, described, schemas, queues)
        return
    for queue in queues:
        own = _operation(rule, method, described, schemas, queues, queue=queue)
        yield path.replace("{queue}", queue), own


def _operation(
    rule: Rule,
    method: str,
    described: Operation,
    schemas: _Schemas,
    queues: Sequence[str],
    *,
    queue: str = "",
) -> Schema:
    scope = scope_of(rule.endpoint, method)
    words = [rule.endpoint, *(rule.defaults or {}).values(), queue]
    shown: Schema = {
        "operationId": "-".join(w for w in words if w).replace(".", "-"),
        "summary": described.summary + (f" {queue}" if queue else ""),
        "tags": [rule.endpoint.partition(".")[0].replace("_", "-")],
        "x-scope": scope.value if scope else None,
        "parameters": _parameters(rule, described, queues, queue=queue),
        "responses": _responses(rule, described, queue=queue),
    }
    if described.description:
        shown["description"] = described.description
    if described.body is not None:
        content = {described.media_type: {"schema": _body(described, schemas, queue)}}
        required = described.media_type == JSON
        shown["requestBody"] = {"required": required, "content": content}
    return shown


def _body(described: Operation, schemas: _Schemas, queue: str) -> Schema:
    if not _is_model(described.body):
        return dict(described.body or {})  # type: ignore[arg-type]  # a schema then
    if not queue:
        return schemas.of(described.body)
    one = schemas.jobs_of(queue)
    if "jobs" not in described.body.model_fields:  # type: ignore[union-attr]
        return one
    # Jobs are checked one by one, and a wrong one fails alone.
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["jobs"],
        "properties": {
            "jobs": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1000,
                "items": _LOOSE_JOB,
            }
        },
    }


_LOOSE_JOB: Schema = {
    "type": "object",
    "description": "As for one job",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 64},
        "data": {"type": "object"},
        "opts": {"type": "object"},
    },
}


def _parameters(
    rule: Rule, described: Operation, queues: Sequence[str], *, queue: str
) -> list[Schema]:
    found: list[Schema] = []
    for name in re.findall(r"<(\w+)>", plain(rule.rule)):
        if name == "queue":
            schema: Schema = {"type": "string", "enum": list(queues)}
            if queue:
                continue
        else:
            schema = {"type": "string", "pattern": _IDS[name]}
        found.append(
            {"name": _name(name), "in": "path", "required": True, "schema": schema}
        )
    found += [
        {"name": name, "in": "query", "schema": schema}
        for name, schema in described.query.items()
    ]
    found += [
        {"name": name, "in": "header", "schema": schema}
        for name, schema in described.headers.items()
    ]
    return found


def _responses(rule: Rule, described: Operation, *, queue: str) -> Schema:
    refusals = {401, 403, 422, 503, *described.refusals}
    if "<" in rule.rule:
        refusals.add(404)
    if "<id:" in rule.rule:
        refusals.add(405)
    if described.body is not None and described.media_type == JSON:
        refusals |= {400, 413, 415}
    found = {str(status): _said(said) for status, said in described.answers.items()}
    if links := links_of(rule.endpoint, queue):
        for said in found.values():
            said["links"] = links
    for status in sorted(refusals):
        content = {PROBLEM: {"schema": ref("Problem")}}
        found[str(status)] = {"description": _REFUSED[status], "content": content}
    return dict(sorted(found.items()))


def _said(said: Said) -> Schema:
    shown: Schema = {"description": said.description}
    if said.schema is not None:
        shown["content"] = {said.media_type: {"schema": said.schema}}
    if said.headers:
        shown["headers"] = {
            name: {"description": text, "required": True, "schema": {"type": "string"}}
            for name, text in said.headers.items()
        }
    return shown


def _name(parameter: str) -> str:
    return "id" if parameter.endswith("_id") else parameter


def _is_model(body: object) -> bool:
    return isinstance(body, type) and issubclass(body, Model)


def _by_name(models: Iterable[Any]) -> list[Any]:
    return sorted(models, key=lambda m: (m.__module__, m.__qualname__))
