"""What a plan measures and counts, in processes beside it, as many at once as a run has jobs."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from attx.config import Config
from attx.errors import UserError
from attx.plan.jobs import Left, Work

LARGE = 112  # pixels
NOTHING = {"forward": 0, "backward": 0, "own_seconds": 0.0, "bytes": 0}
KNOWN = {"stage": NOTHING | {"forward": 1}, "ensemble": NOTHING}  # kinds of work that need not be tried


def models(config: Config, left: Left, machine: dict, at_once: int) -> dict[str, dict]:
    """What each model that a job loads takes, measured as many at once as jobs will run."""

    def measured(label: str) -> dict:
        settings = {key: value for key, value in machine.items() if key != "device"}
        request = {"spec": config.models[label], "machine": settings, "device": machine["device"]}
        found = _asked({"model": request | {"started": time.time()}}, f"model {label}")
        print(f"{label}: {1 / found['backward_seconds']:.1f} images a second", file=sys.stderr, flush=True)
        return found

    labels = [label for label in config.models if any(work.model == label for work in left.work)]
    with ThreadPoolExecutor(at_once) as pool:
        return dict(zip(labels, pool.map(measured, labels), strict=True))


def costs(left: Left, measured: dict[str, dict], machine: dict, at_once: int) -> dict[tuple, dict]:
    """The cost of each `tried` of the work that is left.

    Of the variants of a method one is timed; the others' own work is taken to be as much for each pass.
    """
    first: dict[tuple, tuple] = {}
    like: dict[tuple, tuple] = {}
    for work in sorted((w for w in left.work if w.kind not in KNOWN), key=lambda work: work.label):
        key = tried(work, measured)
        like.setdefault(key, first.setdefault((work.kind, work.label.split("@")[0], key[1]), key))
    settings = {key: value for key, value in machine.items() if key != "device"}
    asked = [
        {
            "spec": json.loads(key[0]),
            "shape": key[1],
            "machine": settings,
            "device": machine["device"],
            "time": key == of,
        }
        for key, of in like.items()
    ]
    hands = [asked[hand::at_once] for hand in range(min(at_once, len(asked)))]
    print(f"counting the passes of {len(asked)} methods and metrics on a toy model", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(lambda hand: _asked({"costs": hand}, "counting passes"), hands))
    found = {key: answers[i % len(hands)][i // len(hands)] for i, key in enumerate(like)}
    for key, of in like.items():
        if "error" not in found[key]:
            each = found[of].get("own_seconds", 0.0) / (found[of].get("forward") or 1)
            found[key].setdefault("own_seconds", each * found[key]["forward"])
    return found


def tried(work: Work, measured: dict[str, dict]) -> tuple[str, tuple[int, int]]:
    """What is tried for a work: its spec and a size; the model's own for a metric, since its passes go by the size."""
    least = min(tuple(found["shape"]) for found in measured.values())
    if work.kind != "metric":
        return work.spec, least
    if "method" in json.loads(work.spec):  # what it does is to explain, again and again: not on large images
        return work.spec, tuple(min(side, LARGE) for side in least)
    return work.spec, tuple(measured[work.model]["shape"])


def _asked(request: dict, what: str) -> dict | list:
    """The answer of a process to a request; UserError with its last words if it has none."""
    command = [sys.executable, "-m", "attx.plan.measure"]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout)
    last = (done.stderr.strip().splitlines() or ["out of memory? lower `batch_size`"])[-1]
    raise UserError(f"{what}: {last.removeprefix('error: ')}")
