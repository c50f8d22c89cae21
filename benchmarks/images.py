"""`make bench-images`: our pictures beside npm's sharp, one core, same run."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from services.worker.sandbox import Sandbox, Source
from services.worker.sandboxed import images
from services.worker.sandboxed.orders import Order, ResizeOrder, ThumbnailsOrder

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "bench-images"
ROUNDS, REPEATS = 3, 7
LABELS = {
    "jpeg-200": "24 megapixels to a JPEG of 200 px",
    "webp-set": "24 megapixels to WebP of 150, 300 and 600 px",
}
ORDERS: dict[str, Order] = {
    # As sharp writes it by default: in one pass.
    "jpeg-200": ResizeOrder(
        width=200,
        height=None,
        fit="inside",
        format="jpeg",
        quality=80,
        background=None,
        progressive=False,
    ),
    "webp-set": ThumbnailsOrder(sizes=(150, 300, 600), format="webp", quality=80),
}


def main() -> None:
    """Run both in turn and print the table."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    source = _source()
    engines = {"Nightshift": [sys.executable, "-m", "benchmarks.images", "--ours"]}
    if _has_sharp():
        engines["sharp"] = [
            shutil.which("node") or "node",
            str(ROOT / "benchmarks/images.mjs"),
        ]
    runs: dict[tuple[str, str], list[dict[str, list[float]]]] = {}
    for turn in range(ROUNDS):
        for task in LABELS:
            for name, command in engines.items():
                print(f"round {turn + 1} of {ROUNDS}: {name}, {task}", flush=True)
                runs.setdefault((task, name), []).append(_run(command, source, task))
    print()
    print("| one core | | CPU ms | ms by the clock | peak memory MB |")
    print("|---|---|---|---|---|")
    for task, label in LABELS.items():
        for name in engines:
            found = runs[task, name]
            cpu, wall = (
                statistics.median(value for run in found for value in run[key])
                for key in ("cpu_ms", "wall_ms")
            )
            peak = statistics.median(run["peak_kb"][0] for run in found) / 1024
            print(f"| {label} | {name} | {cpu:.0f} | {wall:.0f} | {peak:.0f} |")
    print()
    whole = _through_sandbox(source)
    print(f"The whole way through the sandbox, ms by the clock: {whole}")


def _source() -> Path:
    """Return a JPEG of 24 megapixels: a photograph, enlarged, with noise."""
    path = FOLDER / "24-megapixels.jpg"
    if not path.exists():
        photo = Image.open(ROOT / "examples" / "photos" / "rocket.jpg").convert("RGB")
        large = photo.resize((6000, 4000), Image.Resampling.BICUBIC)
        grain = random.Random(24).randbytes(1500 * 1000)
        noise = Image.frombytes("L", (1500, 1000), grain).resize((6000, 4000))
        Image.blend(large, noise.convert("RGB"), 0.06).save(path, quality=90)
    return path


def _has_sharp() -> bool:
    if shutil.which("npm") is None or shutil.which("node") is None:
        print("SKIPPED: sharp, because there is no npm", flush=True)
        return False
    if not (FOLDER / "node_modules" / "sharp").exists():
        print("Installing sharp into var/bench-images", flush=True)
        (FOLDER / "package.json").write_text('{"private": true}', encoding="utf-8")
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "sharp"]
        done = subprocess.run(command, cwd=FOLDER, check=False)
        if done.returncode:
            print("SKIPPED: sharp, because npm could not install it", flush=True)
            return False
    return True


def _run(command: list[str], source: Path, task: str) -> dict[str, list[float]]:
    order = [*command, str(source), task, str(REPEATS)]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        order,
        check=True,
        capture_output=True,
        text=True,
        cwd=FOLDER,
        env={**os.environ, "PYTHONPATH": path},
    )
    answer = json.loads(done.stdout)
    return {**answer, "peak_kb": [answer["peak_kb"]]}


def _ours(source: Path, task: str, repeats: int) -> None:
    content = source.read_bytes()
    _made(content, task)
    cpu, wall = [], []
    for _ in range(repeats):
        used, began = time.process_time(), time.perf_counter()
        _made(content, task)
        cpu.append((time.process_time() - used) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    print(json.dumps({"cpu_ms": cpu, "wall_ms": wall, "peak_kb": _peak_kb()}))


def _peak_kb() -> int:
    # Not getrusage: on Linux a child inherits its parent's peak there.
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if "VmHWM" in line)


def _made(content: bytes, task: str) -> int:
    order = ORDERS[task]
    make = images.resized if isinstance(order, ResizeOrder) else images.thumbnails
    return sum(len(made) for _, made in make(io.BytesIO(content), order))  # type: ignore[operator]


def _through_sandbox(source: Path) -> str:
    content = source.read_bytes()
    box = Sandbox()
    box.warm()
    found = []
    for task, order in ORDERS.items():
        taken = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            with box.run(
                order,
                Source([content], len(content)),
                max_part_bytes=10_000_000,
                deadline=time.monotonic() + 60,
                is_cancelled=lambda: False,
            ) as parts:
                list(parts)
            taken.append((time.perf_counter() - began) * 1000)
        found.append(f"{task} {statistics.median(taken):.0f}")
    box.close()
    return ", ".join(found)


if __name__ == "__main__":
    # One core for all, children included.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if sys.argv[1:2] == ["--ours"]:
        _ours(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        main()
