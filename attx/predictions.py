"""What a model says of a shard's images: a CSV that later stages share, so that no one asks the model twice."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from attx.files import damaged, read_sealed, write_sealed


@dataclass(frozen=True)
class Prediction:
    """`label` is the truth, `predicted` the model's first choice, with its softmax `probability`."""

    image_id: str
    label: int
    predicted: int
    probability: float

    def target(self, which: str) -> int:
        """The class that `which` ("predicted" or "label") means."""
        return self.predicted if which == "predicted" else self.label


def write(path: str | Path, predictions: list[Prediction]) -> None:
    """Write the CSV, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(Prediction)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(p) for p in predictions)
    write_sealed(path, text.getvalue())


def read(path: str | Path) -> dict[str, Prediction]:
    """The predictions by image id; UserError if the file is missing or damaged."""
    rows = csv.DictReader(io.StringIO(read_sealed(path), newline=""))
    try:
        return {
            row["image_id"]: Prediction(
                row["image_id"], int(row["label"]), int(row["predicted"]), float(row["probability"])
            )
            for row in rows
        }
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise damaged(path, "its rows are not predictions") from error
