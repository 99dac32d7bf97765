from course_utils.weights.minivgg import WEIGHTS, build_minivgg, minivgg_card


def test_shipped_weights_are_small_and_as_good_as_promised():
    assert WEIGHTS.stat().st_size <= 8_000_000
    card = minivgg_card()
    assert card["top1"] >= 0.60
    assert card["top5"] >= 0.85
    assert card["parameters"] == build_minivgg(100).count_params()
    assert len(card["classes"]) == len(set(card["classes"])) == 100
    for key in ("data", "licence", "recipe", "seed", "minutes", "validation_images"):
        assert card[key], key
