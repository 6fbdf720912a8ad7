"""What is searched of a configuration: derived ranges, declared ones, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import toys

from symbench.errors import InputError
from symbench.tuning.space import Categories, Range, search_space


@dataclass
class Config:
    width: int = 16
    layers: int = 1
    learning_rate: float = 0.01
    weight_decay: float = 0.0
    offset: float = -1.0
    flag: bool = True
    activation: str = "silu"


class Many(toys.Small):
    name, Config = "many", Config


def declaring(**search):
    return type("Declaring", (Many,), {"search": search})()


def test_positive_numbers_are_searched_around_their_values_and_nothing_else_is():
    assert search_space(Many()) == {
        "width": Range(kind="whole", low=8, high=32, log=True),
        "layers": Range(kind="whole", low=1, high=2, log=True),
        "learning_rate": Range(kind="real", low=0.001, high=0.1, log=True),
    }


def test_the_ranges_follow_the_configuration_of_the_tier():
    wide = type("Wide", (Many,), {"tiers": {"full": {"width": 300}}})
    assert search_space(wide.for_tier("full"))["width"].high == 600


def test_a_model_says_itself_what_is_searched():
    model = declaring(width=(4, 64), weight_decay=(0.0, 0.1), activation=["silu", "relu"])
    assert search_space(model) == {
        "activation": Categories(values=["silu", "relu"]),
        "weight_decay": Range(kind="real", low=0, high=0.1, log=False),
        "width": Range(kind="whole", low=4, high=64, log=True),
    }


def test_the_present_value_is_always_inside():
    space = search_space(declaring(width=(32, 64), activation=["relu"], learning_rate=(1, 2)))
    assert (space["width"].low, space["width"].high) == (16, 64)
    assert space["activation"].values == ["relu", "silu"]
    assert (space["learning_rate"].low, space["learning_rate"].kind) == (0.01, "real")


def test_nothing_is_searched_where_there_is_nothing():
    class Bare(Many):
        @dataclass
        class Config:
            activation: str = "silu"

    assert search_space(Bare()) == {}


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"depth": (1, 2)}, "search names 'depth'"),
        ({"width": (5, 5)}, "low < high"),
        ({"width": (1, 2, 3)}, "low < high"),
        ({"width": []}, "or a list of values"),
        ({"width": 5}, "or a list of values"),
        ({"learning_rate": (0.1, float("inf"))}, "low < high"),
        ({"learning_rate": (float("nan"), 1.0)}, "low < high"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(search, message):
    with pytest.raises(InputError, match=message):
        search_space(declaring(**search))
