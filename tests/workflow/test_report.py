"""The page of a run: made by the workflow of what is there, and again when what it shows changes."""

import json
import re

import pytest

pytestmark = pytest.mark.workflow


def jobs(project) -> list[str]:
    """The rules that `make report` would call now."""
    return re.findall(r"^(?:local)?rule (\w+):", project.run("report", "--dry-run", "--quiet", "host").stdout, re.M)


def test_the_page_is_made_of_what_is_there_and_again_when_that_changes(finished):
    assert jobs(finished) == ["report"]
    finished.run("report")
    text = (finished.results / "report.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)[1])
    (model,) = data["models"]
    assert len(data["images"]) == len(model["seen"]) == 4
    assert [method["name"] for method in model["methods"]] == ["attexplore", "integrated_gradients", "random"]
    assert all(map_["src"] for method in model["methods"] for map_ in method["maps"])
    markdown = (finished.results / "tables/tiny_insertion_deletion.md").read_text()
    for mean in re.findall(r"(-?\.\d+) \[", markdown):
        assert mean in text
    assert jobs(finished) == []
    finished.edit("attx/report/parts/page.css", "body { margin: 0;", "body { margin: 0 0;")
    assert jobs(finished) == ["report"]
    finished.configure(lambda config: config["methods"]["integrated_gradients"].update(steps=5))
    assert {"attribute", "score", "table", "figure", "report"} <= set(jobs(finished))
