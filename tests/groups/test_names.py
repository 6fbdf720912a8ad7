"""Groups by name."""

import pytest

from symbench.errors import InputError
from symbench.groups import C, DirectProduct, Lorentz, O, S, U
from symbench.groups.names import named


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("O(3)", O(3)), ("O( 1, 3 )", Lorentz()), ("U(2)", U(2)), ("C(4)", C(4)), ("S(5)", S(5)),
        ("O(2) x S(3)", DirectProduct(O(2), S(3))),
    ],
)  # fmt: skip
def test_a_name_is_that_of_the_group(text, group):
    assert named(text) == group


@pytest.mark.parametrize("text", ["", "O", "O(3", "Q(3)", "U(1,2)", "SO(3) SO(3)", "S(a)"])
def test_another_text_is_refused(text):
    with pytest.raises(InputError, match="unknown group"):
        named(text)


def test_a_near_miss_suggests_a_name():
    with pytest.raises(InputError, match=r"did you mean SO\(3\)\?"):
        named("so(3)")
