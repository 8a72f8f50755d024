"""What is found in a text is found once, and long texts are not kept."""

from radcommons.deid.recalling import recalled


def test_a_short_text_is_searched_once_for_each_way_of_asking():
    asked = []

    @recalled
    def words(text, *, least=1):
        asked.append((text, least))
        return (word for word in text.split() if len(word) >= least)

    for _ in range(2):
        assert words("CT of chest") == ("CT", "of", "chest")
        assert words("CT of chest", least=3) == ("chest",)
        assert words("x" * 1000) == ("x" * 1000,)
    assert asked == [("CT of chest", 1), ("CT of chest", 3), *[("x" * 1000, 1)] * 2]
