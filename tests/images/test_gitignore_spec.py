"""Patterns as in a .gitignore: what they match, and that a hostile one does not take for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from imagefinder.images.gitignore_spec import gitignore_spec

PATTERNS = st.text("ab.*?/!(", min_size=1, max_size=12) | st.sampled_from(
    ["[ab]*[!a]*b", "*\\**b", "a*[*]*b/**/a*b", "**/a*b*/b*a*", "?*?*b", "/a*b*a", "a**b/*a*"]
)
PATHS = st.lists(st.text("ab.*(", min_size=1, max_size=5), min_size=1, max_size=4).map("/".join)


@given(PATTERNS, PATHS, st.booleans())
def test_the_same_is_matched_as_by_pathspec(pattern: str, path: str, is_folder: bool) -> None:
    name = f"{path}/" if is_folder else path
    try:
        expected = GitIgnoreSpec.from_lines([pattern]).check_file(name).include
    except ValueError:
        with pytest.raises(ValueError, match="pattern"):
            gitignore_spec([pattern])
        return
    assert gitignore_spec([pattern]).check_file(name).include == expected


@pytest.mark.parametrize("part", ["*a", "*?", "*(", "*[a(]", "**"])
def test_a_hostile_pattern_is_matched_at_once(part: str) -> None:
    spec = gitignore_spec([f"{part * 30}*b", f"c/{part * 30}/*b"])
    for letter in "a(":
        assert spec.check_file(letter * 255).include is None
        assert spec.check_file(f"c/{letter * 255}/x").include is None


def test_too_many_folders_between_are_refused() -> None:
    assert gitignore_spec(["**/a/**/b/**/c/**/d"]).check_file("a/x/b/c/d").include
    with pytest.raises(ValueError, match="more than 4 times"):
        gitignore_spec(["**/a/" * 6])
