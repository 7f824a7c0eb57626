"""One's own images listed in a CSV file with the columns path, label and, if wanted, image_id."""

import csv
import io
from pathlib import Path

from attx.data.entry import Entry, read_text
from attx.errors import UserError

LONGEST = 10  # digits of a label


def build(*, file: str) -> list[Entry]:
    """The rows in their order. Paths are relative to the file's folder or absolute; labels are whole numbers from 0.

    The id is the column `image_id`, or the path as written. Other columns are left alone. One error lists all bad rows.
    """
    source = Path(file).expanduser()
    try:
        reader = csv.DictReader(io.StringIO(read_text(source), newline=""), skipinitialspace=True)
        rows = list(reader)
        columns = reader.fieldnames or []
    except csv.Error as error:
        raise UserError(f"{file}: cannot be read: {error}") from error
    if not {"path", "label"} <= set(columns):
        raise UserError(
            f"{file}: needs the columns path,label in its first line, which has {','.join(columns) or 'nothing'}"
        )
    bad = [f"  row {number}: {problem}" for number, row in enumerate(rows, 1) if (problem := _problem(row))]
    if bad or not rows:
        raise UserError(f"{file}: " + ("has no rows" if not rows else f"{len(bad)} bad rows:\n" + "\n".join(bad)))
    return [
        Entry(
            row.get("image_id") or row["path"], str(source.parent / Path(row["path"]).expanduser()), int(row["label"])
        )
        for row in rows
    ]


def _problem(row: dict[str, str]) -> str:
    if not row["path"]:
        return "no path"
    label = (row["label"] or "").strip()
    fine = label.isascii() and label.isdigit() and len(label) <= LONGEST
    return "" if fine else f"the label {label[:20]!r} is not a whole number from 0"
