"""A million jobs in seconds: copies of real ones, made inside Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.broker.keys import QueueKeys

if TYPE_CHECKING:
    import redis

    from shared.jobs.job import Job

_BATCH = 500
#: KEYS: prefix. ARGV: template id, set, first number, how many.
_COPY = """
local prefix, template, set = KEYS[1], ARGV[1], ARGV[2]
local record = redis.call('GET', prefix .. 'job:' .. template)
local run = redis.call('HGETALL', prefix .. 'run:' .. template)
local score = tonumber(redis.call('ZSCORE', prefix .. set, template))
for n = ARGV[3], ARGV[3] + ARGV[4] - 1 do
  local id = string.format('%s-%07d', set, n)
  redis.call('SET', prefix .. 'job:' .. id, record)
  if #run > 0 then redis.call('HSET', prefix .. 'run:' .. id, unpack(run)) end
  redis.call('ZADD', prefix .. set, score + n, id)
end
"""


def multiply(client: redis.Redis, namespace: str, job: Job, count: int) -> None:
    """Add `count` copies of a job, in its state."""
    keys, script = QueueKeys(namespace, job.queue), client.register_script(_COPY)
    for first in range(0, count, _BATCH):
        wanted = min(_BATCH, count - first)
        script([keys.prefix], [job.id, job.state.value, first, wanted])
