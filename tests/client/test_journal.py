from radcommons.client.journal import Arrived, Item, Journal


def test_a_record_that_was_renewed_is_fetched_again_and_nothing_else(tmp_path):
    with Journal(tmp_path) as journal:
        journal.add([Item("status.json", "status.json", "a" * 64, 10), Item("x", "x", "b" * 64, 1)])
        journal.mark_done([Arrived("status.json", 1), Arrived("x", 1)])
        journal.add([Item("status.json", "status.json", "c" * 64, 12), Item("x", "x", "b" * 64, 1)])
        assert [(item.path, item.digest) for item in journal.pending()] == [("status.json", "c" * 64)]
