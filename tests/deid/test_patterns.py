"""Forms that give a person away, and forms of imaging that look like them."""

import pytest

from radcommons.deid.patterns import date_spans, pattern_spans, uid_spans, with_time, without_paths


def _found(text):
    return {text[start:end].strip() for start, end, _ in pattern_spans(text)}


def _reasons(text):
    return {reason for _, _, reason in pattern_spans(text)}


@pytest.mark.parametrize(
    "date",
    [
        "2021-03-04",
        "20210304",
        "2021/3/4",
        "2021.03.04",
        "2021_03_04",
        "2021 03 04",
        "4.3.2021",
        "04.03.21",
        "4. 3. 2021",
        "03/04/21",
        "4-3-2021",
        "4 3 2021",
        "4_3_2021",
        "12.03.",
        "03/2021",
        "3/2021",
        "03.2021",
        "2021-03",
        "2021/03",
        "2021-W10",
        "2021W10-3",
        "KW 10/2021",
        "week 10 2021",
        "04MAR2021",
        "4 March 2021",
        "4th of March 2021",
        "March 4th, 2021",
        "Mar 4, 2021",
        "Mar-21",
        "Mar '21",
        "March 2021",
        "2021MAR04",
        "4. März 2021",
        "4 mars 2021",
        "1er août 2021",
        "4 de marzo de 2021",
        "4 marzo 2021",
        "4 maart 2021",
        "4 de março de 2021",
        "4 марта 2021",
        "Dezember 2020",
        "décembre 2020",
        "12 mei 2020",
        "15 okt 2020",
        "3 ene 2020",
        "15.IV.2020",
        "3 XII 2020",
        "15 kwietnia 2020",
        "15 kwi 2020",
        "15. huhtikuuta 2020",
        "15. dubna 2020",
        "15 travnja 2020",
        "15 aprilie 2020",
        "2020. április 15.",
        "15 Nisan 2020",
        "15 Απριλίου 2020",
        "15 квітня 2020",
        "15 أبريل 2020",
        "15 באפריל 2020",
        "April fifteenth 2020",
        "fifteenth of April, 2020",
        "2021年3月4日",
        "令和3年3月4日",
        "2021년 3월 4일",
    ],
)
def test_dates_of_all_usual_forms_are_found(date):
    text = f"prior {date} film"
    start = text.index(date)
    covered = {place for begin, end, _ in pattern_spans(text) for place in range(begin, end)}
    assert set(range(start, start + len(date))) <= covered
    assert list(date_spans(text))


@pytest.mark.parametrize(
    "text",
    [
        "born 1931",
        "DOB 3.11.56",
        "geb. 1931",
        "née le 3/11/56",
        "nacido 1931",
        "nata il 3.11.1956",
        "Jahrgang 1931",
        "ddn 1931",
        "b. 1931",
        "YOB 31",
        "ur. 1931",
        "May '31",
        "maj 1931",
    ],
)
def test_births_are_found(text):
    assert "date" in _reasons(text)


@pytest.mark.parametrize(
    "text",
    [
        "+1 555 010 7788",
        "(0221) 478-1234",
        "Tel. 030 1234567",
        "phone: 5550142",
        "fax 0221/4781234",
        "pager 4711",
        "ext. 12345",
        "555-0142",
        "555.0142",
        "tél 01 23 45 67 89",
        "móvil 612 345 678",
        "電話03-5550-0199",
        "Durchwahl 4711",
    ],
)
def test_telephone_numbers_are_found(text):
    assert "telephone number" in _reasons(text)


@pytest.mark.parametrize(
    "text",
    [
        "MRN 123",
        "MRN: A-4711",
        "Pat.-Nr. 4711",
        "Patientennummer 47/11",
        "Fallnr 4711",
        "Acc# 77A",
        "accession no. 4711",
        "NHS 943 476 5919",
        "943 476 5919",
        "123-45-6789",
        "KVNR A123456789",
        "BSN 123456782",
        "RSSMRA85T10A562S",
        "X1234567L",
        "NHC 4711",
        "IPP 4711",
        "visit id V4711",
        "case no 4711",
        "12345678Z",
        "ACC7310037",
        "QQ 12 34 56 C".replace("QQ", "AB"),
        "患者番号 4711",
    ],
)
def test_numbers_of_persons_are_found(text):
    assert "number" in _reasons(text)


@pytest.mark.parametrize(
    "text",
    [
        "jane.doe@example.org",
        "jdoe@pacs01",
        "https://portal.example.org/x?id=1",
        "www.example.org",
        "pacs01.radiology.example.org",
        "ris.klinik.de",
        "server.intranet",
        r"\\server\share\doe.txt",
        r"C:\Users\jdoe\scan",
        "/mnt/pacs/scan",
        "doe_jane.dcm",
        "report-4711.pdf",
        "10.12.13.4",
        "00:1a:2b:3c:4d:5e",
        "ftp://files.example.org",
    ],
)
def test_addresses_of_machines_persons_and_files_are_found(text):
    assert _reasons(f"see {text} there")


@pytest.mark.parametrize(
    "text",
    [
        "12 Harbour Row",
        "7B Elm Grove Road",
        "Musterstraße 12",
        "Lange Weg 4a",
        "12 rue de la Paix",
        "Via Garibaldi 7",
        "Calle Mayor 12",
        "Prinsengracht 263",
        "SW1A 1AA",
        "EC1A 1BB",
        "MD 21205",
        "CA 94110-1234",
        "94110-1234",
        "D-50931 Köln",
        "50931 Köln",
        "1012 AB Amsterdam",
        "CH-8001 Zürich",
        "K1A 0B1",
        "PLZ 50931",
        "postcode M1 1AE",
        "P.O. Box 12",
        "Postfach 1234",
    ],
)
def test_addresses_are_found(text):
    assert _reasons(text) & {"address", "number", "telephone number"}


@pytest.mark.parametrize(
    "text",
    [
        "94 yo",
        "94yo",
        "95 y/o",
        "95-year-old",
        "95 years old",
        "95J",
        "95 Jahre",
        "95-jährige",
        "âgé de 95 ans",
        "95 años",
        "95 anni",
        "95 jaar",
        "095Y",
        "patient aged 95",
        "age: 101",
        "102 F,",
        "95 ans",
        "Alter 93",
        "F/93",
        "93/M",
        "93 år",
        "93 letá",
        "93-летняя",
        "wiek 93",
    ],
)
def test_ages_above_89_are_found(text):
    assert "age over 89" in _reasons(text)


@pytest.mark.parametrize(
    "text",
    [
        "89 yo",
        "63F, fever",
        "age 45",
        "12 years",
        "90 mm",
        "100 kV",
        "95 %",
        "99mTc",
        "120 s",
        "aged 8",
        "95 mAs",
        "92 ms",
        "90 lat",
        "F90",
        "B90 F 94",
        "90 deg",
    ],
)
def test_other_ages_and_numbers_stay(text):
    assert "age over 89" not in _reasons(text)


@pytest.mark.parametrize(
    "text",
    [
        "CT THORAX W/O 3 PHASE",
        "2.0 B31f",
        "T1 mprage",
        "C5-C6",
        "L4/5 L5/S1",
        "AX 5X5",
        "12.5 mm",
        "5 3 20",
        "AX_5_3_20 B31 SEP",
        "T1 DEC OCT20",
        "OCT 5 LINE",
        "MAR 3 iterations",
        "SEP 12 slices",
        "MAY THURNER",
        "FOV 350-450",
        "b 500-1000",
        "512 x 512 x 120",
        "TR 2000 TE 30",
        "CTDI 12.5 DLP 345",
        "1.25MM/0.6",
        "120kV 100-200 mAs",
        "0.5-10 Hz",
        "W 400 L 40",
        "1.2.3.4",
        "VE11C SP01",
        "syngo.via VB30",
        "T2 3D 1.0x1.0",
        "S1 2 views",
        "B1 2MM",
        "E1 3RD echo",
        "FLEX EXT 3 V",
        "Br64 3 mm",
        "MIP 10/5",
        "1/2 2/2",
        "ep2d_diff_b0_500_1000",
        "2 PHASE 30/70 s",
        "HASTE cor 4mm",
        "C-SPINE 2-3V",
        "PA/LAT",
        "W/WO",
        "2021",
        "CT 2020 protocol",
        "Covid-19",
        "SARS-CoV-2",
        "24 h urine",
        "30 s delay",
        "GE 1.5T",
        "MPR 3/3 cor",
        "R1 R2",
        "120 1024",
        "3 IV contrast",
        "APT 4",
        "flat 12 mm",
        "CT ROOM 2",
        "STATION 3",
        "T1 2019",
        "Q2 2 mm",
        "look at lung",
        "mart 1.0",
        "V 2020",
    ],
)
def test_forms_of_imaging_stay(text):
    assert _found(text) == set()


def test_a_time_beside_a_date_belongs_to_it():
    text = "at 10:15 on 02.04.2020 14:30 h nativ"
    span = next(span for span in pattern_spans(text) if span[2] == "date")
    start, end, _ = with_time(text, span)
    assert text[start:end] == "10:15 on 02.04.2020 14:30 h"
    assert with_time("2 mm 10:15", (0, 4, "x")) == (0, 4, "x")


@pytest.mark.parametrize("text", ["* 1957", "*07.05.1941"])
def test_an_asterisk_announces_a_birth(text):
    assert "date" in _reasons(f"Pat. {text}, Raucher")


@pytest.mark.parametrize("text", ["T2* 1957", "12*1957", "**1957**"])
def test_other_asterisks_announce_none(text):
    assert "date" not in _reasons(text)


@pytest.mark.parametrize(
    ("values", "rest"),
    [
        (r"Thorax \\HOST01\share\mueller", "Thorax "),
        (r"Lunge C:\Users\hquast\Desktop nativ", "Lunge  nativ"),
        (r"Lunge C:\Program Files\ct", "Lunge "),
        (r"A\B", r"A\B"),
        (r"A\\B", r"A\\B"),
        (r"Phase: \arterial", r"Phase: \arterial"),
    ],
)
def test_paths_go_though_their_backslashes_separate_values(values, rest):
    assert without_paths(values) == rest


@pytest.mark.parametrize("text", ["10:15:00", "2:30 pm", "14:30 Uhr", "at 10:15"])
def test_times_of_day_are_found_unless_they_are_kept(text):
    assert "time" in _reasons(text)
    assert not list(pattern_spans(text, are_times_kept=True))


@pytest.mark.parametrize("text", ["ratio 10:15", "1:2000", "3:1"])
def test_ratios_are_no_times(text):
    assert "time" not in _reasons(text)


def test_in_technical_texts_only_long_uids_count():
    uid = "1.2.840.113619.2.55.3.604688119.971.1"
    assert [each[2] for each in uid_spans(f"x {uid}")] == ["UID"]
    assert not list(uid_spans("1.2.3.4.5.6.7"))
    assert "UID" in _reasons("1.2.840.113619.2.55.3.1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Q2 2019", "date"),
        ("W18/2019", "date"),
        ("1947/5", "date"),
        ("1EG4TE5MK73", "number"),
        ("claim 77-812-3", "number"),
        ("beeper 3381", "number"),
        ("plate no 1234", "number"),
        ("52.2297 N, 21.0122 E", "number"),
        ("fe80::1ff:fe23:4567:890a", "e-mail, file or machine"),
        ("anna [at] example [dot] org", "e-mail, file or machine"),
        ("anna AT example DOT org", "e-mail, file or machine"),
        ("bed 12B", "address"),
        ("room 402", "address"),
        ("Apt 4B", "address"),
        ("ul. Piłsudskiego 15", "address"),
        ("ул. Ленина 5", "address"),
        ("CT 中山路100号", "address"),
        ("CT 〒100-0001", "address"),
    ],
)
def test_other_ways_to_say_when_who_and_where_are_found(text, reason):
    assert reason in _reasons(text)


@pytest.mark.parametrize(
    "date",
    [
        "third of March nineteen sixty-one",
        "March third, 1961",
        "fifth of May",
        "dritter März",
        "dritten März neunzehnhunderteinundsechzig",
        "einundzwanzigster Juni",
        "am ersten Mai",
        "trois mars 1961",
        "le premier mai",
        "tres de marzo de 1961",
        "tercer de marzo",
        "derde maart 1961",
        "nineteen oh seven",
        "two thousand and five",
        "2021W123",
        "week 12 of 2021",
        "21. Woche 2020",
    ],
)
def test_dates_in_words_and_by_weeks_are_found(date):
    assert date in _found(f"seen {date}, stable")


@pytest.mark.parametrize(
    "text",
    [
        "first may be artefact",
        "third degree block",
        "second out of three",
        "two thousand HU",
        "Erste Aufnahme, zweite mit KM",
        "un mar calcification",
        "zweitausend ml",
        "dix sept images",
        "week 12 gestation",
        "march fracture, first metatarsal",
    ],
)
def test_ordinals_and_numbers_in_words_are_no_dates(text):
    assert not _found(text)


@pytest.mark.parametrize(
    "date",
    ["٢٠٢١/٣/٤", "２０２１／３／４", "४.३.२०२१", "4–3–2021", "4.\u00a0März\u00a02021", "4/3/2564", "2564-03-04", "1399/12/14", "4/9/1442", "4 มี.ค. 2564"],
)  # fmt: skip
def test_dates_of_other_scripts_and_calendars_are_found(date):
    assert date in _found(f"CT {date} chest")


@pytest.mark.parametrize("moment", ["20210304101112.123456", "1614850272.5", "2459277.5"])
def test_points_of_time_with_a_fraction_are_numbers(moment):
    assert moment in _found(f"acquired_{moment}_T1")


@pytest.mark.parametrize("text", ["Tc-99m MDP bone scan", "99mTc-DTPA", "Technetium-99M", "99m Tc", "slices 500–1000"])
def test_technetium_is_no_age_and_a_range_no_number(text):
    assert _found(text) == set()
