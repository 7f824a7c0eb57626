"""`python -m attx.plan.measure`: answers one request of a plan in a process of its own, JSON by stdin and stdout."""

import json
import sys

from attx.allocator import keep_memory
from attx.errors import UserError
from attx.plan.count import cost
from attx.plan.rate import model


def main() -> int:
    """{"model": arguments of `model`} or {"costs": [arguments of `cost`, ...]}."""
    keep_memory()  # as jobs do
    request = json.load(sys.stdin)
    try:
        answer = model(**request["model"]) if "model" in request else [cost(**one) for one in request["costs"]]
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
