"""How a job is shown: BullMQ's record, without what its contract keeps secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.contracts.catalogue import AnyContract
    from shared.jobs.job import Job

REDACTED = "[redacted]"

_ENCODER = msgspec.json.Encoder()


def job_json(
    job: Job, catalogue: Mapping[str, AnyContract], *, deduplicated: bool = False
) -> bytes:
    """Return the record of `job` as JSON.

    Args:
        job: The job.
        catalogue: Knows which fields of the data are secret.
        deduplicated: Whether to say that the job existed before it was asked for.
    """
    document = job_document(job, catalogue)
    if deduplicated:
        document["deduplicated"] = True
    return _ENCODER.encode(document)


def job_document(job: Job, catalogue: Mapping[str, AnyContract]) -> dict[str, Any]:
    """Return the record of `job`, to be encoded as a part of something."""
    document = job.to_document()
    document["data"] = msgspec.Raw(visible_data(job, catalogue))
    return document


def visible_data(job: Job, catalogue: Mapping[str, AnyContract]) -> bytes:
    """Return a job's data as JSON text, without its secrets."""
    contract = catalogue.get(job.name)
    if contract is None or not contract.redacted:
        return job.data
    return _ENCODER.encode(_redacted(job.data, contract))


def _redacted(data: bytes, contract: AnyContract) -> Any:
    document = msgspec.json.decode(data)
    if not isinstance(document, dict):
        return REDACTED
    secret = _json_names(contract)
    return {k: REDACTED if k in secret else v for k, v in document.items()}


def _json_names(contract: AnyContract) -> set[str]:
    """Return the redacted fields' names, in Python's and in JSON's spelling."""
    fields = contract.data.model_fields
    aliases = (fields[name].alias for name in contract.redacted if name in fields)
    return {*contract.redacted, *(alias for alias in aliases if alias)}
