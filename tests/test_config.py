"""A config is refused at once, with the key named and the nearest right one."""

from pathlib import Path

import pytest
import yaml

from attx import configfile, slices
from attx.config import Config, canonical
from attx.errors import UserError

ROOT = Path(__file__).parents[1]
MINIMAL = {
    "data": {"sample": {}},
    "models": {"resnet50": None},
    "methods": {"attexplore": {}},
    "metrics": {"insertion_deletion": {}},
}


@pytest.mark.parametrize(
    "path", [ROOT / "config.yaml", *sorted((ROOT / "config").glob("*.yaml"))], ids=lambda p: p.name
)
def test_checked_in_configs_are_valid(path):
    config = Config.of(yaml.safe_load(path.read_text()))
    assert config.results.startswith("results")
    assert config.reference in (config.methods or [""])


def test_each_config_has_its_own_results_folder():
    found = [
        yaml.safe_load(p.read_text())["results"] for p in (ROOT / "config.yaml", *(ROOT / "config").glob("*.yaml"))
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modles": {}}, "config: unknown key 'modles'; did you mean 'models'?"),
        ({"methods": {"attexplore": {"copes": 3}}}, "methods.attexplore: unknown key 'copes'; did you mean 'copies'?"),
        ({"methods": {"a": {"use": "smoothgrd"}}}, "did you mean 'smoothgrad'?"),
        ({"methods": {"attexplore": {"attack": "sa"}}}, "unknown attack 'sa'; did you mean 'ssa'?"),
        ({"methods": {"attexplore": {"copies": "many"}}}, "methods.attexplore.copies: 'many' is not of type int"),
        ({"methods": {"attexplore": {"copies": True}}}, "methods.attexplore.copies: True is not of type int"),
        ({"data": {"sample": {"frist": 3}}}, "data.sample: unknown key 'frist'; did you mean 'first'?"),
        ({"data": {"sample": {"keep": "corect"}}}, "data.sample.keep: unknown value 'corect'; did you mean 'correct'?"),
        ({"models": {}}, "models: at least one entry"),
        ({"figures": {"bars": {}}, "metrics": {}}, "figures.bars: it is drawn from metrics or methods, and the config"),
        ({"figures": {"ablation": {"values": [1]}}}, "figures.ablation: ablation needs the key parameter"),
        ({"figures": {"ablation": {"parameter": "epsilom", "values": [1]}}}, "did you mean 'epsilon'?"),
        (
            {"figures": {"ablation": {"parameter": "steps", "values": ["x"]}}},
            "attexplore.steps: 'x' is not of type int",
        ),
        ({"figures": {"transfer": {"attacks": ["bmi"]}}}, "figures.transfer.attacks: unknown attack 'bmi'"),
        ({"figures": {"cross_model": {"images": 0}}}, "figures.cross_model.images: 0 must be at least 1"),
        ({"figures": {"path": {"methods": ["e"]}}, "methods": {"e": {"use": "edges"}}}, "e has no path to draw"),
        ({"methods": {"a": {"use": "attens", "of": ["b", "c"]}}}, "methods.a.of: unknown method 'b'"),
        ({"methods": {"captum": {}}}, "methods.captum: captum needs the key name"),
        ({"methods": {"a": {"use": ["edges"]}}}, "methods.a.use: ['edges'] must be the name of a file"),
        ({"methods": {"attexplore": {"attack": ["ssa"]}}}, "methods.attexplore.attack: ['ssa'] is not of type str"),
        ({"methods": {"edges": {}, "a": {"use": "attens", "of": ["edges"]}}}, "of: ['edges'] must name two methods"),
        ({"methods": {"edges": {}, "a": {"use": "attens", "of": [3]}}}, "methods.a.of: unknown method 3"),
        ({"methods": {"expected_gradients": {"references": {"use": "x"}}}}, "references: unknown data source 'x'"),
        ({"methods": {"expected_gradients": {"references": {"use": "sample", "keep": "all"}}}}, "unknown key 'keep'"),
        ({"methods": {"big": {"attacks": ["ssa", "im"]}}}, "methods.big.attacks: unknown attack 'im'; did you mean"),
        ({"methods": {}, "figures": {"transfer": {}}}, "config: methods: at least one entry"),
        ({"figures": {"montage": {"methods": 3}}}, "figures.montage.methods: 3 is not of type list"),
        ({"figures": {"montage": {"methods": [["edges"]]}}}, "figures.montage.methods: unknown method ['edges']"),
        ({"figures": {"curves": {"metric": 3}}}, "figures.curves.metric: 3 is not of type str"),
        ({"figures": {"transfer": {"attacks": [3]}}}, "figures.transfer.attacks: unknown attack 3"),
        ({"figures": {"transfer": {"attacks": [["bim"]]}}}, "figures.transfer.attacks: unknown attack ['bim']"),
        ({"figures": {"cross_model": {}}}, "figures.cross_model.models: two models at least are needed"),
        ({"metrics": {"insertion_deletion": {"images": "4"}}}, "insertion_deletion.images: '4' is not of type int"),
        ({"figures": {"path": {}}, "reference": "bim"}, "reference: unknown method 'bim'"),
        ({"methods": {"attexplore_pp": {"attack": "mi"}}}, "attexplore_pp stands for attacks of its own"),
        ({"methods": {"attexplore_pp": {"copes": 1}}}, "methods.attexplore_pp_bim: unknown key 'copes'"),
        ({"models": {"../x": {}}}, "models.../x: a label may have letters"),
        ({"models": {"resnet50": "random"}}, "models.resnet50: 'random' must be a mapping"),
        ({"metrics": {"insertion_deletion": {"oder": ""}}}, "did you mean 'order'?"),
        ({"postprocess": {"a": {"blurr": 1}}}, "postprocess.a: unknown key 'blurr'; did you mean 'blur'?"),
        ({"figures": {"curves": {"metric": "insertion"}}}, "figures.curves.metric: unknown metric 'insertion'"),
        ({"figures": {"montage": {"methods": ["attexplor"]}}}, "did you mean 'attexplore'?"),
        ({"postprocess": {"a": {"sign": "absolut"}}}, "a.sign: unknown value 'absolut'; did you mean 'absolute'?"),
        ({"methods": {"edges": {}, "attexplore": {"direction": 0}}}, "direction: unknown value '0'; known: -1, 1"),
        ({"methods": {"attexplore": {}, "smoothgrad": {"output": "logits"}}}, "output: unknown value 'logits'"),
        ({"metrics": {"insertion_deletion": {"order": "rise2d"}}}, "order: unknown value 'rise2d'; did you mean 'rise"),
        ({"dtype": "float16"}, "dtype: unknown value 'float16'"),
        ({"reference": "bim"}, "reference: unknown method 'bim'"),
        ({"threads": 0}, "threads: 0 must be at least 1"),
        ({"batch_size": 0}, "batch_size: 0 must be at least 1"),
        ({"batch_size": "atuo"}, "batch_size: 'atuo' must be auto, or a number of 1 at least"),
        ({"batch_size": 2.5}, "batch_size: 2.5 is not of type int | str"),
        ({"compile": "graph"}, "compile: 'graph' must be true, false or graphs"),
        ({"compile": 1}, "compile: 1 is not of type bool | str"),
        ({"precision": "bf16"}, "precision: unknown value 'bf16'; did you mean 'bfloat16'?"),
        ({"precision": "tf32", "dtype": "float64"}, "precision: tf32 needs `dtype: float32`, not float64"),
        ({"attacks": {"mine": {"use": "ssa", "stps": 1}}}, "attacks.mine: unknown key 'stps'; did you mean 'steps'?"),
        ({"results": "../elsewhere"}, "results: '../elsewhere' must be a folder below the one where you run"),
        ({"results": "/tmp/x"}, "results: '/tmp/x' must be a folder below"),
        ({"results": ""}, "results: '' must be a folder below"),
        ({"results": "a//b"}, "results: 'a//b' must be a folder below"),
        ({"results": "{x}"}, "results: '{x}' must be a folder below"),
        ({"methods": {"attexplore": {"epsilon": "1/0"}}}, "methods.attexplore.epsilon: '1/0' is not of type float"),
        ({"data": {"imagenet": {"root": "12/5", "first": "a"}}}, "data.imagenet.first: 'a' is not of type int"),
        (
            {"data": {"a": {"use": "sample"}, "a_b": {"use": "sample"}}}
            | {"metrics": {name: {"use": "insertion_deletion"} for name in ("b_c", "c")}},
            "data a with metrics b_c and data a_b with metrics c would both be written to a_b_c: rename one",
        ),
        (
            {"training": {"a": {"use": "nat"}}, "metrics": {"a": {"use": "insertion_deletion"}}}
            | {"figures": {"a": {"use": "training_curves"}}},
            "data sample with metrics a and data sample with figures a would both be written to sample_a: rename one",
        ),
    ],
)
def test_mistakes_are_named(change, message):
    with pytest.raises(UserError) as caught:
        Config.of(MINIMAL | change)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("attack", "figure", "message"),
    [
        ("mi", {"parameter": "sigma", "values": [0.1]}, "attexplore: unknown key 'sigma'"),
        ("ssa", {"parameter": "attack", "values": ["im"]}, "attexplore.attack: unknown attack 'im'; did you mean"),
        ("naa", {"parameter": "layer", "values": ["a/b"]}, "values: 'a/b' may be a number, or letters, digits"),
        ("ssa", {"parameter": "epsilon", "values": [0.1, 0.1000000001]}, "would both be named attexplore@epsilon=0.1"),
        ("ssa", {"parameter": "rule", "values": ["mean"], "methods": ["both"]}, "both is made of other methods' maps"),
    ],
)
def test_variants_are_checked_as_the_methods_they_would_be(attack, figure, message):
    both = {"use": "attens", "of": ["attexplore", "edges"]}
    methods = {"attexplore": {"attack": attack}, "edges": {}, "both": both}
    with pytest.raises(UserError) as caught:
        Config.of(MINIMAL | {"methods": methods, "figures": {"ablation": figure}})
    assert message in str(caught.value)


def test_variants_of_the_attack_are_whole_methods():
    config = Config.of(
        MINIMAL
        | {"methods": {"attexplore": {"attack": "short"}}, "attacks": {"short": {"use": "ssa", "copies": 3}}}
        | {"figures": {"ablation": {"parameter": "attack", "values": ["short", "ssa", "mi"]}}}
    )
    assert list(config.variants()["ablation"]) == ["attexplore", "attexplore@attack=ssa", "attexplore@attack=mi"]
    assert config.method("attexplore")["copies"] == 3
    assert config.method("attexplore@attack=mi") == {"use": "attexplore", "attack": "mi"} | {
        "seed": 3407,
        "batch_size": "auto",
    }


def test_no_readings_are_the_default_ones():
    assert Config.of(MINIMAL | {"postprocess": None}).postprocess == {"signed": {}}


def test_a_method_is_merged_with_its_attack():
    config = Config.of(
        MINIMAL
        | {"attacks": {"short": {"use": "mi", "steps": 3, "decay": 0.5}}, "seed": 5, "batch_size": 7}
        | {"methods": {"attexplore": {"attack": "short", "decay": 0.9}, "edges": {}}}
    )
    assert config.method("attexplore") == {
        "use": "attexplore",
        "attack": "mi",
        "steps": 3,
        "decay": 0.9,
        "seed": 5,
        "batch_size": 7,
    }
    assert config.method("edges") == {"use": "edges"}


def test_fractions_and_the_runs_target_reach_the_specs():
    given = {"attexplore": {"epsilon": "8/255", "sigma": "1e-2"}}
    config = Config.of(MINIMAL | {"methods": given, "target": "label", "data": {"imagenet": {"root": "2012/5"}}})
    assert config.method("attexplore")["epsilon"] == 8 / 255
    assert config.method("attexplore")["sigma"] == 0.01
    assert config.data["imagenet"]["root"] == "2012/5"
    assert config.metric("insertion_deletion")["target"] == "label"


def test_fractions_are_numbers_at_any_depth_but_not_in_paths():
    images = {"use": "csv", "file": "1/2"}
    training = {"use": "nat", "learning_rate": [[0, "1/1000"], [5, "1e-4"]], "data": images, "test": images}
    config = Config.of(
        MINIMAL
        | {"training": {"a": training}, "methods": {"expected_gradients": {"references": images}}}
        | {"perturbations": {"topk": {"against": "smoothgrad", "settings": {"sigma": "1/4"}}}}
    )
    assert config.training["a"]["learning_rate"] == [[0, 0.001], [5, 0.0001]]
    assert config.perturbations["topk"]["settings"] == {"sigma": 0.25}
    assert config.training["a"]["data"] == config.training["a"]["test"] == images
    assert config.methods["expected_gradients"]["references"] == images


def test_tables_know_controls_and_what_is_comparable():
    union = {"use": "insertion_deletion", "order": "channel_union"}
    methods = {"attexplore": {}, "few": {"use": "attexplore", "copies": 2}, "noise": {"use": "random"}}
    config = Config.of(
        MINIMAL | {"methods": methods, "metrics": {"union": union, "coarse": union | {"substrate": "mean"}}}
    )
    found = slices.table(config, metric="union")
    assert found["controls"] == ["noise"]
    assert (found["published_for"], found["published_methods"]) == (["signed"], ["attexplore"])
    assert slices.table(config, metric="coarse")["published_for"] == []


def test_without_attexplore_the_first_method_is_the_reference():
    assert Config.of(MINIMAL | {"methods": {"edges": {}, "random": {}}}).reference == "edges"


def test_a_models_label_is_its_name_in_the_library():
    assert Config.of(MINIMAL).models["resnet50"] == {"use": "torchvision", "name": "resnet50"}


def test_canonical_has_one_string_for_one_meaning():
    assert canonical({"b": 1, "a": {"d": 1.5, "c": None}}) == canonical({"a": {"c": None, "d": 1.5}, "b": 1})


def test_a_key_that_is_written_twice_is_named_with_its_line(tmp_path):
    texts = {
        "a: 1\nmethods:\n  lime: {}\n  lime: {steps: 3}\n": "`lime` is written twice, the second time in line 4",
        "a: 1\na: 2\n": "`a` is written twice, the second time in line 2",
        "x: [{b: 1, b: 1}]": "`b` is written twice, the second time in line 1",
        '{"a": {"b": 1, "b": 2}}': "`b` is written twice",
    }
    for text, said in texts.items():
        (tmp_path / "c.yaml").write_text(text)
        with pytest.raises(UserError, match=f"c.yaml: the key {said}"):
            configfile.read(tmp_path / "c.yaml")
    merged = "base: &base {a: 1, b: 2}\nother: &other\n  <<: *base\n  a: 3\nlast:\n  <<: *other\n  a: 4\n"
    (tmp_path / "c.yaml").write_text(merged)
    assert configfile.read(tmp_path / "c.yaml")["last"] == {"a": 4, "b": 2}
