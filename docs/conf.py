"""Sphinx configuration: Markdown pages, references made from the code, broken links are errors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "ImageFinder"
author = "the ImageFinder contributors"
project_copyright = author
exclude_patterns = ["_build"]
default_role = "code"
html_theme = "furo"
html_title = project
html_show_copyright = False
man_pages = [("reference/cli", "imagefinder", "find the most similar images", author, 1)]
man_show_urls = False

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "docstrings",
    "generated_pages",
    "public_names",
]

myst_heading_anchors = 3
myst_links_external_new_tab = False
# the prompt of a console block, and what it prints, are not copied
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"
suppress_warnings = [
    "misc.highlighting_failure",  # console output, and JSON with an ellipsis
]

autodoc_member_order = "bysource"
# unions that signatures name without their module
alias_homes = {
    "QueryImage": "imagefinder.search.query.QueryImage",
    "Given": "imagefinder.images.inputs.Given",
    "Source": "imagefinder.images.decode.Source",
}
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

# modules whose public names must all be in the reference, each with a docstring
public_modules = [
    "imagefinder",
    "imagefinder.types",
    "imagefinder.errors",
    "imagefinder.evaluation",
    "imagefinder.testing",
    "imagefinder.downloads",
    "imagefinder.visualization",
    "imagefinder.training",
]

nitpicky = True
# names of other projects, to which there are no links without a network
nitpick_ignore_regex = [
    (r"py:class", r"imagefinder\.catalogue\.reduction\.Kind"),  # a type variable
    (
        r"py:class",
        r"tuple\[~imagefinder\.types\.(File|Failure|Item)",
    ),  # Sphinx misreads its dots
    (r"py:class", r"ArrayLike"),
    (r"py:class", r"imagefinder\.images\.remote_files\.RemoteFile"),  # how a listing works inside
    # how a download works inside
    (
        r"py:class",
        r"imagefinder\.downloads\.(policy\.Policy|validators\.Validators|image_fetcher\.\w+)",
    ),
    (r"py:.*", r"(numpy|np|PIL|pathlib|os|collections|contextlib|typing|types|fastapi)\..*"),
]
