"""A summary as a person reads it: rounded, `.359 [.31, .41]`, in Markdown or LaTeX."""

import re

import pandas as pd

from attx.errors import UserError
from attx.statistics import kind

WIDE = 3  # scores from which on the differences of the first alone are shown
COMMAND = re.compile(r"^(?![-+]?[.\d])[=+@-]|[\\<>{}$`\x00-\x1f\x7f]")  # to a spreadsheet, LaTeX, a browser, a terminal
SHOWN = 6  # scores that are shown at all; the CSV has the others


def number(value: float, digits: int = 3, *, sign: bool = False) -> str:
    """`.359`, `-.02`, `1.250`; with `sign` also `+.020`; nothing for NaN."""
    if pd.isna(value):
        return ""
    text = re.sub(r"(?<!\d)0\.", ".", f"{value:{'+' if sign else ''}.{digits}f}")
    return text.removeprefix("-") if float(text) == 0 and not sign else text


def in_255(value: float) -> str:
    """`8/255` for an amplitude that is so many 255ths, else `.3`."""
    steps = round(255 * value, 3)
    return f"{steps:g}/255" if steps == int(steps) else number(value)


def interval(row: pd.Series, name: str, *, sign: bool = False) -> str:
    """`.359 [.31, .41]`: a mean and the ends of its interval, where there are any."""
    mean, low, high = (number(row[k], d, sign=sign) for k, d in ((name, 3), (f"{name}_low", 2), (f"{name}_high", 2)))
    return f"{mean} [{low}, {high}]" if low else mean


def reading(table: pd.DataFrame) -> pd.DataFrame:
    """The columns a reader wants, as text; those that say the same in every row, or nothing, are left out."""
    names = shown(table)
    text = pd.DataFrame({"data": table["data"], "model": table["model"], "method": table["method"]})
    text["post-processing"] = table["postprocess"]
    if "perturbation" in table:
        text["perturbation"] = table["perturbation"]
        text["epsilon"] = table["epsilon"].map(in_255)
    text["images"] = table["images"].astype(str)
    for name in names:
        text[name] = table.apply(interval, axis=1, name=name)
    for name in names if len(names) < WIDE else names[:1]:
        text[f"{name} difference"] = table.apply(interval, axis=1, name=f"{name}_difference", sign=True)
        text[f"{name} p"] = table[f"{name}_p_corrected"].map(_p)
    text["passes"] = [f"{f:g} + {b:g}" for f, b in zip(table["forward_passes"], table["backward_passes"], strict=True)]
    text["seconds"] = [f"{s:.0f}" if s >= 100 else f"{s:.2g}" for s in table["seconds"]]
    text["published"] = [
        f"{number(i)} / {number(d)}" if number(i) else ""
        for i, d in zip(table["published_insertion"], table["published_deletion"], strict=True)
    ]
    text["note"] = table["note"]
    same = [
        c
        for c in ("data", "model", "post-processing", "perturbation", "epsilon")
        if c in text and text[c].nunique() == 1
    ]
    return text.drop(columns=same + [c for c in text.columns if (text[c] == "").all()])


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Any table as text: means with their intervals in one column each, other numbers short."""
    ends = {name + end for name in _means(table) for end in ("_low", "_high")}
    text = pd.DataFrame(index=table.index)
    for name in table.columns.drop(list(ends)):
        if f"{name}_low" in ends:
            text[name] = table.apply(interval, axis=1, name=name)
        elif pd.api.types.is_float_dtype(table[name]):
            text[name] = table[name].map(number)
        else:
            text[name] = table[name].astype(str)
    return text


def shown(table: pd.DataFrame) -> list[str]:
    """The scores that a reader is shown: the first ones of the table."""
    return [name for name in _means(table) if not name.endswith("_difference")][:SHOWN]


def _means(table: pd.DataFrame) -> list[str]:
    return [column.removesuffix("_low") for column in table.columns if column.endswith("_low")]


def caption(table: pd.DataFrame) -> str:
    """What the numbers are, what the left-out columns say, and what so few images can't show."""
    same = {"data": "data", "model": "model", "postprocess": "post-processing", "perturbation": "perturbation"}
    said = [f"{name} {table[c].iloc[0]}" for c, name in same.items() if c in table and table[c].nunique() == 1]
    if "epsilon" in table and table["epsilon"].nunique() == 1:
        said.append(f"epsilon {in_255(table['epsilon'].iloc[0])}")
    lines = [f"{', '.join(said)}."] if said else []
    intervals = f"95% {kind(table['images'].min(), table['images'].max())} intervals"
    lines.append(f"Means over the images with {intervals}; passes forward + backward and seconds per image.")
    reference = table["reference"].iloc[0]
    compared = table[table["paired_images"] > 0]
    if compared.empty:
        lines.append(f"No differences, since {reference} is not among the methods.")
    else:
        count = int(compared.filter(like="_p_corrected").notna().to_numpy().sum())
        images = int(compared["paired_images"].min())
        lines.append(
            f"Differences: method minus {reference} on the same images; p by the Wilcoxon signed-rank test, "
            f"corrected by Holm for {count} comparisons."
            + (" The CSV has all scores and differences." if len(shown(table)) >= WIDE else "")
        )
        if count * 0.5 ** (images - 1) > 0.05:
            lines.append(f"With {images} images no difference can reach p < .05 after this correction.")
    sources = table["published_source"].dropna().unique()
    if len(sources):
        lines.append(f"Published insertion / deletion: {'; '.join(sources)}.")
    return " ".join(lines)


def check_words(table: pd.DataFrame) -> None:
    """UserError for words that no label of a config has, and that a spreadsheet, LaTeX or a browser would obey.

    Scores lie in files, which others may have written.
    """
    words = [str(word) for name in table for word in (name, *_words(table[name]))]
    bad = next(filter(COMMAND.search, words), None)
    if bad is not None:
        raise UserError(f"the scores hold {bad!r}, which no run names anything: delete them and run again")


def _words(column: pd.Series) -> list[object]:
    return [] if pd.api.types.is_numeric_dtype(column) else list(column.dropna().unique())


def markdown(text: pd.DataFrame, caption: str) -> str:
    """A table of text in Markdown with its caption below."""
    text = text.map(lambda cell: cell.replace("|", "\\|"))
    return f"{text.to_markdown(index=False, disable_numparse=True)}\n\n{caption}\n"


def latex(text: pd.DataFrame, caption: str) -> str:
    """A table of text in LaTeX (packages booktabs and graphicx), as wide as the page's, with its caption."""
    form = "".join("p{6cm}" if c == "note" else "l" for c in text.columns)
    body = text.to_latex(index=False, escape=True, column_format=form)
    body = re.sub(r"(?<![\w-])-(?=\d?\.\d)", "$-$", body).replace("<", "$<$")
    said = re.sub(r"([%_&#])", r"\\\1", caption).replace("<", "$<$")
    return f"\\begin{{table}}\n\\caption{{{said}}}\n\\resizebox{{\\textwidth}}{{!}}{{%\n{body}}}\n\\end{{table}}\n"


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else number(value)
