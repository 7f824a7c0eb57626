"""Results may lie in a folder that others write to: what is read runs nothing, what is written goes nowhere else."""

import itertools
import json
import os
import re
import stat
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attx import batch_size, frames, predictions, tables
from attx.cli import main
from attx.config import Config
from attx.data import manifest
from attx.errors import UserError
from attx.figures import style
from attx.files import atomic, write_sealed, write_text
from attx.plan import saved
from tests.test_tables import fake

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of one's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sealed(table: pa.Table, **options: object) -> None:
    pq.write_table(table, "t.parquet", **options)
    frames.seal("t.parquet")


def test_a_table_that_claims_more_than_it_holds_is_refused(folder):
    sealed(pa.table({f"c{i}": np.zeros(10**6, np.int8) for i in range(30)}), compression="zstd")
    assert (folder / "t.parquet").stat().st_size < 2 * 10**5
    with pytest.raises(UserError, match="it claims 30000000 values, beyond all bounds"):
        frames.read("t.parquet")


def test_a_list_of_a_table_that_claims_more_than_it_holds_is_refused(folder):
    sealed(pa.table({"a": pa.array([np.zeros(2 * 10**7, np.int8)])}), compression="zstd")
    assert (folder / "t.parquet").stat().st_size < 10**4
    with pytest.raises(UserError, match="it claims 20000000 values, beyond all bounds"):
        frames.read("t.parquet")


def test_no_type_or_attribute_of_a_table_is_code():
    code = b"cposix\nsystem\n(S'touch harmed'\ntR."
    types = ({b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": code},)
    field = pa.field("a", pa.int64(), metadata=types[0])
    for attributes in (code, b"[" * 10**5, b"\xff"):
        schema = pa.schema([field], metadata={b"PANDAS_ATTRS": attributes, b"pandas": b'{"index_columns": [{}]}'})
        sealed(pa.table({"a": [1]}, schema=schema))
        with pytest.raises(UserError, match=r"t\.parquet is damaged"):
            frames.read("t.parquet")
    assert os.listdir() == ["t.parquet"]


@pytest.mark.parametrize("text", ["[" * 10**5, "{}", "x", "", "null", '{"__class__": "os.system"}', "1" * 5000])
def test_facts_of_a_model_are_compared_and_no_more(text, capsys):
    Path("w.json").write_text(text)
    net = {"use": "python", "function": "tests.toy_models:small_cnn", "size": 24, "classes": 1000}
    spec = {"model": net, "data": {"use": "sample"}, "dtype": "float32", "threads": 1, "batch_size": 1}
    options = ["--device", "cpu", "--weights", "w.json", "--shard", "s.csv", "--manifest-csv", "m", "--out", "o.csv"]
    assert main(["predict", "--spec", json.dumps(spec), *options]) == 2
    assert "w.json" in capsys.readouterr().err


@pytest.mark.parametrize("read", [manifest.read, predictions.read])
def test_rows_of_others_are_one_error(read):
    foreign = ("image_id,path,sha256,label\na,b,c,x\n", "image_id,label,predicted,probability\na,9\n")
    for text in ("a,b\n1,2\n", f"image_id\n{'x' * 10**6}\n", *foreign):
        write_sealed("t.csv", text)
        with pytest.raises(UserError, match=r"t\.csv is damaged"):
            read("t.csv")


PLANNED = {"shape": [8, 8], "batch_size": 1, "memory": 1e6, "forward_seconds": 0.1, "backward_seconds": 0.3}
WORK = {"kind": "stage", "spec": "{}", "model": "resnet50", "images": 8, "forward": 8, "backward": 0, "own_seconds": 0}


@pytest.mark.parametrize("bad", ["x", float("nan"), float("inf"), 10**400, -1, None, [3], {}])
def test_a_plan_with_odd_numbers_is_refused(bad):
    raw = {"data": {"sample": {}}, "models": {"resnet50": {}}, "methods": {"random": {}}}
    config = Config.of(raw | {"metrics": {"insertion_deletion": {}}})
    whole = {"models": {"resnet50": PLANNED}, "rows": [WORK]}
    path = saved.save(config, whole)
    assert saved.read(config).works
    models = [PLANNED | {key: bad} for key in PLANNED] + [PLANNED | {"batch_size": 0}, PLANNED | {"shape": [bad, 8]}]
    rows = [WORK | {key: bad} for key in ("images", "forward", "backward", "own_seconds")]
    for hostile in (*({"models": {"resnet50": one}} for one in models), *({"rows": [row]} for row in rows)):
        path.unlink()
        saved.save(config, whole | hostile)
        with pytest.raises(
            UserError, match=r"results/plan\.json: cannot be read as a plan: delete it, or run `attx pl"
        ):
            saved.read(config)


WORDS = ("=1+1", "@x", "+x", "-x", "\\input{x}", "<script>", "a\nb", "$x$", "`x`", "{x}", "\x1b[2J")


def test_tables_hold_no_word_that_a_spreadsheet_or_latex_obeys():
    table = tables.summarise(fake())
    for word, column in itertools.product(WORDS, ("method", "model")):
        hostile = table.assign(**{column: table[column].replace({"resnet50": word, "edges": word})})
        for wrong in (hostile, table.rename(columns={"insertion": word})):
            with pytest.raises(UserError, match="which no run names anything"):
                tables.write(wrong, "t.csv", "t.md", "t.tex")
    assert os.listdir() == []
    tables.write(table, "t.csv", "t.md", "t.tex")


def test_a_link_in_place_of_a_result_is_replaced_and_not_followed(folder):
    (folder / "precious").write_text("mine")
    (folder / "result.json").symlink_to(folder / "precious")
    write_text("result.json", "theirs")
    assert (folder / "precious").read_text() == "mine"
    assert not (folder / "result.json").is_symlink()


def test_temporary_files_have_names_that_no_one_foresees(folder):
    names = set()
    for _ in range(20):
        with atomic("x.csv") as temporary:
            temporary.touch()
            names.add(re.fullmatch(r"\.tmp-.*-([0-9a-f]{8,})-x\.csv", temporary.name)[1])
            assert stat.S_IMODE(temporary.stat().st_mode) & stat.S_IWOTH == 0
    assert len(names) == 20
    (folder / "keep.tmp-1-2-x.csv").touch()
    write_text("*", "")  # a name that is a pattern
    assert (folder / "keep.tmp-1-2-x.csv").exists()


@pytest.mark.parametrize("note", ["$\\frac{$", "$x^{$", "\\input{x}", "<script>", "%s {0}"])
def test_notes_and_names_are_drawn_as_they_are(note, folder):
    figure = style.themed(lambda: style.canvas(1, 1, panel=1)[0])()
    style.themed(figure.axes[0].set_title)(note)
    style.save(figure, folder / "f.pdf", folder / "f.png", note=note)
    assert (folder / "f.png").stat().st_size


@pytest.mark.parametrize("size", [0, -1, "8", None, 1.5, [8], {"a": 1}])
def test_a_remembered_batch_size_is_a_number_or_forgotten(size):
    Path("b.json").write_text(json.dumps({"of": {}, "batch_size": size}))
    assert batch_size.remembered(Path("b.json"), {}) is None


def test_rules_quote_whatever_a_config_or_a_file_may_name():
    own = {"params.code", "threads"} | {
        f"wildcards.{name}"
        for name in ("data", "model", "shard", "method", "training", "perturbation", "attack", "source", "postprocess")
    }
    found = 0
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for command in re.findall(r'^ {4,}shell:\n((?: +".*"\n)+)', path.read_text(), re.MULTILINE):
            found += 1
            for place in re.findall(r"\{([^}]*)\}", command):
                assert place.endswith(":q") or place in own, f"{path}: {place} is not quoted"
    assert found >= 16


def test_no_file_of_this_project_calls_what_runs_text():
    calls = r"\b(pickle\.loads?|marshal\.loads?|shelve\.|eval|exec|os\.system|os\.popen|yaml\.load|yaml\.unsafe_load)\("
    unsafe = re.compile(rf"(?<![.\w]){calls}|allow_pickle=True|weights_only=False|shell=True|trust_remote_code")
    sources = [*(ROOT / "attx").rglob("*.py"), *(ROOT / "workflow").rglob("*.smk"), ROOT / "Snakefile"]
    assert len(sources) > 150
    for path in sources:
        bad = unsafe.search(path.read_text())
        assert not bad, f"{path}: {bad[0]}"
    with_torch = subprocess.run(["grep", "-rl", "torch.load(", ROOT / "attx"], capture_output=True, text=True).stdout
    assert [Path(name).name for name in with_torch.split() if name.endswith(".py")] == ["state.py"]
