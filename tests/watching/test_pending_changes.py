from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imagefinder.watching.pending_changes import PendingChanges


def test_a_path_is_ready_when_nothing_has_happened_to_it_for_a_while() -> None:
    pending = PendingChanges(settle=1.0)
    pending.note(["a", "b"], 0.0)
    pending.note(["a"], 0.5)
    assert pending.take_settled(0.75) == set()
    assert pending.take_settled(1.0) == {"b"}
    assert pending.take_settled(1.0) == set()
    assert pending.take_settled(1.5) == {"a"}
    assert len(pending) == 0


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from("abcd")), st.integers(0, 8).map(lambda step: step / 4)),
        max_size=20,
    )
)
def test_each_change_is_given_once_and_never_early(steps: list[tuple[set[str], float]]) -> None:
    pending = PendingChanges(settle=1.0)
    now, last = 0.0, dict[str, float]()
    for paths, step in steps:
        pending.note(paths, now)
        last |= dict.fromkeys(paths, now)
        now += step
        ready = pending.take_settled(now)
        assert ready == {path for path, at in last.items() if now - at >= 1.0}
        for path in ready:
            del last[path]
    assert len(pending) == len(last)
