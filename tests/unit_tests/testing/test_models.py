"""The lists of models, as both protocols have them."""

from langchain_minimax.testing._models import find_model, models_list, models_page


def test_the_list_is_the_captured_one_with_the_newest_in_front():
    listed = models_list()

    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"][:3]] == [
        "MiniMax-M3.1-Flash",
        "MiniMax-M3.1-Flash-Preview",
        "MiniMax-M3",
    ]
    known = {model["id"]: model["created"] for model in listed["data"][2:]}
    # As captured on 2026-09-01.
    assert known == {
        "MiniMax-M3": 1780272000,
        "MiniMax-M2.7": 1773799200,
        "MiniMax-M2.7-highspeed": 1773799200,
        "MiniMax-M2.5": 1770948000,
        "MiniMax-M2.5-highspeed": 1770948000,
        "MiniMax-M2.1": 1766455200,
        "MiniMax-M2.1-highspeed": 1766455200,
        "MiniMax-M2": 1761530400,
    }
    keys = ["id", "object", "created", "owned_by"]
    assert all(list(model) == keys for model in listed["data"])


def test_both_lists_hold_the_same():
    page = models_page()

    ids = [model["id"] for model in page["data"]]
    assert ids == [model["id"] for model in models_list()["data"]]
    assert (page["first_id"], page["last_id"]) == (ids[0], ids[-1])


def test_only_an_engine_knows_the_names_of_the_hub():
    assert find_model("MiniMaxAI/MiniMax-M2.1") is None
    assert find_model("MiniMaxAI/MiniMax-M2.1", hosted=True) == find_model(
        "minimax-m2.1"
    )
    assert find_model("Someone/MiniMax-M2.1", hosted=True) is None
