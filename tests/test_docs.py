"""The Python examples in the documentation run as they are printed."""

import re
from pathlib import Path

import pytest
from brian2 import set_device, start_scope

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = [page for page in sorted(DOCS.glob("*.md")) if "```python" in page.read_text(encoding="utf-8")]


@pytest.fixture(autouse=True)
def each_page_by_itself():
    start_scope()
    yield
    set_device("runtime")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page):
    names: dict = {}
    for example in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(example, page.name, "exec"), names)  # noqa: S102 (our own documentation)
