"""Sphinx configuration."""

from importlib.metadata import version as installed_version

project = "AstroBrian"
author = "The AstroBrian developers"
copyright = "2026, The AstroBrian developers"
version = release = installed_version("astrobrian")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
suppress_warnings = ["ref.python"]  # two classes may have a field of the same name
napoleon_use_ivar = True  # a field is described once, where its class says what it is

html_theme = "furo"
html_title = "AstroBrian"
