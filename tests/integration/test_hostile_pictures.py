"""Nothing that is sent as a picture harms the worker."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.worker import sandbox
from services.worker.sandbox import Sandbox, Source
from services.worker.sandboxed.orders import ResizeOrder, ThumbnailsOrder
from services.worker.tasks import process_image
from shared.contracts.tasks.process_image import ProcessImage
from shared.errors import UnrecoverableError
from tests.support import hostile_pictures
from tests.support.contexts import make_context

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILIES = (
    "cut",
    "followed",
    "gif",
    "jpeg",
    "mutated",
    "other",
    "png",
    "preceded",
    "webp",
    "zeros",
)
MUTATIONS = int(os.environ.get("NIGHTSHIFT_TEST_MUTATIONS", "100000"))
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module", autouse=True)
def _the_sandbox_ends_with_the_tests() -> Iterator[None]:
    yield
    sandbox.SHARED.close()


@pytest.fixture(scope="module")
def corpus() -> dict[str, bytes]:
    return hostile_pictures.corpus()


def resident_kb(process: int | str) -> int:
    text = Path(f"/proc/{process}/status").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1])


def zygote_of(box: Sandbox) -> int:
    assert box._zygote is not None
    return box._zygote._process.pid


def test_the_corpus_is_large_and_always_the_same(corpus: dict[str, bytes]) -> None:
    assert len(corpus) >= 200
    assert {name.partition("/")[0] for name in corpus} == set(FAMILIES)
    assert corpus == hostile_pictures.corpus()


@linux
@pytest.mark.parametrize("animation", ["first", "keep"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_hostile_file_gives_a_picture_or_a_clear_reason(
    tmp_path: Path, corpus: dict[str, bytes], family: str, animation: str
) -> None:
    files = {n: c for n, c in corpus.items() if n.startswith(f"{family}/")}
    sandbox.SHARED.warm()
    zygote = zygote_of(sandbox.SHARED)
    before_kb = resident_kb("self")
    refused = 0

    for name, content in files.items():
        context = make_context(tmp_path)
        source = context.storage.put(content, name="x.jpg", content_type="image/jpeg")
        order = {"source": source.id, "width": 32, "format": "webp"}
        try:
            done = process_image.run(
                ProcessImage.model_validate({**order, "animation": animation}), context
            )
        except UnrecoverableError as error:
            refused += 1
            reason = str(error)
            assert reason.endswith("."), name
            assert "Error" not in reason, name
        else:
            made = context.storage.read(done.file.id)
            assert hostile_pictures.is_readable(made), name
            assert done.width <= 32, name

    assert zygote_of(sandbox.SHARED) == zygote
    assert resident_kb("self") - before_kb < 64 * 1024
    assert resident_kb(zygote) < 128 * 1024
    if family == "other":
        assert refused == len(files)


@linux
@pytest.mark.slow
def test_a_hundred_thousand_mutated_files_end_no_worker_and_leak_nothing() -> None:  # noqa: C901 - one long watch over one worker
    originals = list(hostile_pictures.sound().values())
    numbers = itertools.count()
    unclear: list[str] = []
    counts = {"made": 0, "refused": 0}
    early_kb: list[int] = []
    box = Sandbox()
    box.warm()
    zygote = zygote_of(box)

    def work() -> None:
        while (number := next(numbers)) < MUTATIONS:
            original = originals[number % len(originals)]
            content = hostile_pictures.mutated(original, number)
            try:
                made_of(box, content, number)
            except UnrecoverableError:
                counts["refused"] += 1
            except Exception as error:  # noqa: BLE001 - all are listed below
                unclear.append(f"{number}: {type(error).__name__}: {error}")
            else:
                counts["made"] += 1
            if number % 10_000 == 0:
                sys.stdout.write(f"{number} {counts} {unclear[-3:]}\n")
                sys.stdout.flush()
            if number == MUTATIONS // 20:
                early_kb.extend((resident_kb("self"), resident_kb(zygote)))

    threads = [threading.Thread(target=work) for _ in range(2)]
    with contextlib.closing(box):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        late_kb = [resident_kb("self"), resident_kb(zygote)]
        assert zygote_of(box) == zygote

    sys.stdout.write(f"{counts} resident KB early {early_kb} late {late_kb}\n")
    assert unclear == []
    assert sum(counts.values()) == MUTATIONS
    for early, late in zip(early_kb, late_kb, strict=True):
        assert late - early < 16 * 1024


def made_of(box: Sandbox, content: bytes, number: int) -> None:
    resize = ResizeOrder(
        width=24,
        height=24,
        fit="cover",
        format=None if number % 2 else "jpeg",
        quality=70,
        background=None,
        animation="keep" if number % 3 == 0 and number % 2 else "first",
    )
    thumbnails = ThumbnailsOrder(sizes=(16, 24), format="webp", quality=70)
    with box.run(
        thumbnails if number % 5 == 0 else resize,
        Source([content], len(content)),
        max_part_bytes=10_000_000,
        deadline=time.monotonic() + 60,
        is_cancelled=lambda: False,
    ) as parts:
        for part in parts:
            assert part.body
