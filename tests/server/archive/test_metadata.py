import orjson

from radcommons.server.archive import metadata


def test_packing_keeps_the_object():
    assert metadata.unpack(metadata.pack(b'{"a":1}')) == b'{"a":1}'


def test_objects_are_joined_to_an_array_with_absolute_addresses_of_bulk_data():
    first = metadata.pack(b'{"7FE00010":{"vr":"OW","BulkDataURI":"bulkdata/7FE00010"}}')
    second = metadata.pack(b'{"00104000":{"vr":"LT","Value":["\\"BulkDataURI\\":\\"bulkdata/x"]}}')
    pieces = b"".join(metadata.joined([(first, "http://h/i/1"), (second, 'http://h/"i')]))
    values = orjson.loads(pieces)
    assert values[0]["7FE00010"]["BulkDataURI"] == "http://h/i/1/bulkdata/7FE00010"
    assert values[1]["00104000"]["Value"] == ['"BulkDataURI":"bulkdata/x']


def test_an_odd_address_stays_valid_json():
    packed = metadata.pack(b'{"7FE00010":{"vr":"OW","BulkDataURI":"bulkdata/7FE00010"}}')
    values = orjson.loads(b"".join(metadata.joined([(packed, 'http://h/"x')])))
    assert values[0]["7FE00010"]["BulkDataURI"] == 'http://h/"x/bulkdata/7FE00010'


def test_nothing_is_an_empty_array():
    assert b"".join(metadata.joined([])) == b"[]"


def test_a_level_takes_its_own_attributes_without_bulk_data():
    attributes = {
        "00100020": {"vr": "LO", "Value": ["S"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00081030": {"vr": "LO", "BulkDataURI": "bulkdata/00081030"},
    }
    assert metadata.attributes_of(metadata.part_of(attributes, metadata.STUDY_TAGS)) == {
        "00100020": attributes["00100020"]
    }


def test_first_values_are_read_as_text():
    attributes = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]},
        "00200010": {"vr": "SH"},
    }
    assert metadata.text_of(attributes, "00100010") == "A^B"
    assert metadata.text_of(attributes, "00200010") == metadata.text_of(attributes, "00999999") == ""
