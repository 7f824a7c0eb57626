"""ILSVRC's layouts and ground truth files, with torchvision's own reading of the devkit as the oracle."""

import numpy as np
import pytest

from attx.data import ground_truth, imagenet
from attx.errors import UserError

NAMES = [f"ILSVRC2012_val_{i:08d}" for i in range(1, 5)]


@pytest.fixture
def devkit(tmp_path):
    """A devkit of five synsets: four leaves, whose ids are not in the order of their wnids, and their parent."""
    from scipy.io import savemat

    wnids = ["n02119789", "n01440764", "n15075141", "n02100735", "n00001740"]
    fields = [
        "ILSVRC2012_ID",
        "WNID",
        "words",
        "gloss",
        "num_children",
        "children",
        "wordnet_height",
        "num_train_images",
    ]
    synsets = np.zeros((5, 1), dtype=[(name, object) for name in fields])
    for i, wnid in enumerate(wnids):
        synsets[i, 0] = (i + 1, wnid, f"word {i}", "gloss", 4 if i == 4 else 0, [1, 2, 3, 4] if i == 4 else [], i, 1300)
    folder = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    folder.mkdir(parents=True)
    savemat(folder / "meta.mat", {"synsets": synsets})
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text("3\n1\n2\n4\n")
    return folder


@pytest.fixture
def flat(tmp_path):
    folder = tmp_path / "val"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.JPEG").touch()
    (folder / "README").touch()
    return folder


def test_the_devkits_ids_are_translated_as_torchvision_translates_them(devkit, flat, tmp_path, monkeypatch):
    import shutil

    import torchvision.datasets.imagenet as theirs

    monkeypatch.setattr(theirs, "_verify_archive", lambda *_: None)
    shutil.make_archive(str(tmp_path / "ILSVRC2012_devkit_t12"), "gztar", tmp_path, "ILSVRC2012_devkit_t12")
    theirs.parse_devkit_archive(str(tmp_path), "ILSVRC2012_devkit_t12.tar.gz")
    wnid_to_classes, wnid_of_image = theirs.load_meta_file(str(tmp_path))
    order = sorted(set(wnid_to_classes) - {"n00001740"})
    truth = str(devkit / "ILSVRC2012_validation_ground_truth.txt")
    entries = imagenet.build(root=str(flat), ground_truth=truth)
    assert [e.image_id for e in entries] == NAMES
    assert [e.label for e in entries] == [order.index(wnid) for wnid in wnid_of_image] == [3, 2, 0, 1]
    moved = devkit.parent / "other.mat"
    (devkit / "meta.mat").rename(moved)
    assert imagenet.build(root=str(flat), ground_truth=truth, meta=str(moved)) == entries
    with pytest.raises(UserError, match=r"meta\.mat: not there"):
        imagenet.build(root=str(flat), ground_truth=truth)


@pytest.mark.parametrize(
    "text",
    [
        "n01440764\nn15075141\nn02100735\nn01443537\n",
        "ImageId,PredictionString\n" + "".join(
            f"{name},{wnid} 1 2 3 4 \n"
            for name, wnid in zip(NAMES, ["n01440764", "n15075141", "n02100735", "n01443537"], strict=True)
        ),
        "".join(f"val/{name}.JPEG {label}\n" for name, label in zip(NAMES, [0, 999, 212, 1], strict=True)),
    ],
    ids=["wnids", "LOC_val_solution.csv", "val.txt"],
)  # fmt: skip
def test_the_other_formats_need_no_devkit(flat, tmp_path, text):
    (tmp_path / "truth").write_text(text)
    entries = imagenet.build(root=str(flat), ground_truth=str(tmp_path / "truth"))
    assert [e.label for e in entries] == [0, 999, 212, 1]


def test_the_wnids_are_those_that_timm_knows():
    from timm.data import ImageNetInfo

    assert list(ground_truth.wnids()) == ImageNetInfo("imagenet-1k").label_names()
    assert list(ground_truth.wnids()) == sorted(ground_truth.wnids())


def test_folders_by_wnid_give_the_same_ids_and_need_not_be_complete(tmp_path):
    for wnid, name in [("n15075141", NAMES[1]), ("n01443537", NAMES[0])]:
        (tmp_path / wnid).mkdir()
        (tmp_path / wnid / f"{name}.JPEG").touch()
    entries = imagenet.build(root=str(tmp_path))
    assert [(e.image_id, e.label) for e in entries] == [(NAMES[0], 1), (NAMES[1], 999)]
    (tmp_path / "n99999999").mkdir()
    with pytest.raises(UserError, match="n99999999"):
        imagenet.build(root=str(tmp_path))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("n01440764\n", "nothing of 3 images, the first being ILSVRC2012_val_00000002"),
        ("n01440764\nn00000000\n", "00000002: 'n00000000' is not a class"),
        ("a.JPEG 1000\n", "a: '1000' is not a class"),
        ("", "empty"),
    ],
)
def test_a_ground_truth_that_does_not_fit(flat, tmp_path, text, reason):
    (tmp_path / "truth").write_text(text)
    with pytest.raises(UserError, match=reason):
        imagenet.build(root=str(flat), ground_truth=str(tmp_path / "truth"))


def test_what_is_missing_is_named(flat, tmp_path, devkit):
    with pytest.raises(UserError, match="needs ground_truth"):
        imagenet.build(root=str(flat))
    with pytest.raises(UserError, match=r"ground_truth: .*none"):
        imagenet.build(root=str(flat), ground_truth=str(tmp_path / "none"))
    with pytest.raises(UserError, match="holds neither"):
        imagenet.build(root=str(tmp_path))
    with pytest.raises(UserError, match="no such folder"):
        imagenet.build(root=str(tmp_path / "none"))
    (devkit / "meta.mat").write_text("not a mat")
    with pytest.raises(UserError, match=r"is not the meta\.mat"):
        imagenet.build(root=str(flat), ground_truth=str(devkit / "ILSVRC2012_validation_ground_truth.txt"))


def test_reassessed_labels_are_those_that_timm_reads(tmp_path):
    from timm.data import RealLabelsImagenet

    theirs = RealLabelsImagenet([f"{i}.JPEG" for i in range(50000)]).real_labels
    single = {name.removesuffix(".JPEG"): labels for name, labels in theirs.items() if len(labels) == 1}
    entries = imagenet.build(root="nowhere", ground_truth="real")
    assert {e.image_id: [e.label] for e in entries} == single
    assert entries[0].path == "nowhere/ILSVRC2012_val_00000004.JPEG"
    (tmp_path / "n01440764").mkdir()
    (tmp_path / "n01440764/ILSVRC2012_val_00000004.JPEG").touch()
    found = imagenet.build(root=str(tmp_path), ground_truth="real")
    assert found[0].path == str(tmp_path / "n01440764/ILSVRC2012_val_00000004.JPEG")
    assert [e.image_id for e in found] == [e.image_id for e in entries]
