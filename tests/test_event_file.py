"""Events in a CSV file: what is read is what was written, and what is no event is refused by file and line."""

import re

import bitspike as bs
import numpy as np
import pytest
from bitspike.errors import FileError
from bitspike.events import ABSENT
from event_cores import REFERENCE, core, reference, spike, virtual

NET = core(np.zeros((5, 5), int))
EVENTS = [spike(4), REFERENCE, virtual(0, -8), reference(3), spike(0)]
TEXT = """\
kind,source,neuron,weight_in
spike,4,,
reference,,,
virtual,,0,-8
reference_one,,3,
spike,0,,
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.csv"


def equal(a, b):
    """Whether two streams hold the same events, whatever their columns are."""
    columns = {**a.values, **b.values}
    kinds = [[each.names[kind] for kind in each.kind] for each in (a, b)]
    absent = np.full(len(a), ABSENT)
    pairs = [(a.values.get(name, absent), b.values.get(name, absent)) for name in columns]
    return kinds[0] == kinds[1] and all(np.array_equal(x, y) for x, y in pairs)


def test_a_row_is_an_event(path):
    path.write_text(TEXT)
    assert equal(bs.read_event_file(path, NET), bs.Events.of(EVENTS))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(",", " , "),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("spike", '"spike"'),
        lambda text: text.replace(",4,", ",+4,"),
    ],
)
def test_line_ends_spaces_quotes_and_empty_lines_change_nothing(path, change):
    path.write_text(change(TEXT), encoding="utf-8", newline="")
    assert equal(bs.read_event_file(path, NET), bs.Events.of(EVENTS))


def test_columns_may_stand_in_any_order_and_be_left_out(path):
    path.write_text("source,kind\n4,spike\n,reference\n")
    assert equal(bs.read_event_file(path, NET), bs.Events.of([spike(4), REFERENCE]))


def test_what_is_written_reads_back(path):
    events = bs.Events.of(EVENTS)
    bs.write_event_file(path, events)
    assert path.read_text() == TEXT
    assert equal(bs.read_event_file(path, NET), events)


def test_a_random_stream_reads_back(path):
    rng = np.random.default_rng(0)
    makers = (lambda n, w: spike(n), lambda n, w: REFERENCE, lambda n, w: reference(n), virtual)
    rows = [makers[rng.integers(4)](int(rng.integers(5)), int(rng.integers(-8, 8))) for _ in range(200)]
    bs.write_event_file(path, bs.Events.of(rows))
    assert equal(bs.read_event_file(path, NET), bs.Events.of(rows))


def refused(path, message):
    with pytest.raises(FileError, match=f"^{re.escape(str(path))}{re.escape(message)}$"):
        bs.read_event_file(path, NET)


HEAD = "kind,source,neuron,weight_in\n"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("spike,4,\n", ":3: found 3 cells; allowed: 4, one a column"),
        ("spike,4,,,\n", ":3: found 5 cells; allowed: 4, one a column"),
        ("spike,1.5,,\n", ":3: source: found '1.5'; allowed: an integer of 63 bits, or nothing"),
        ("spike,0x1,,\n", ":3: source: found '0x1'; allowed: an integer of 63 bits, or nothing"),
        ("spike,\u0663,,\n", ":3: source: found '\u0663'; allowed: an integer of 63 bits, or nothing"),
        (f"spike,{10**18}0,,\n", f":3: source: found '{10**18}0'; allowed: an integer of 63 bits, or nothing"),
        (f"spike,{1 << 63},,\n", f":3: source: found '{1 << 63}'; allowed: an integer of 63 bits, or nothing"),
        (f"spike,{'9' * 5000},,\n", f":3: source: found '{'9' * 40}'; allowed: an integer of 63 bits, or nothing"),
        (f"spike,{ABSENT},,\n", f":3: source: found '{ABSENT}'; allowed: an integer of 63 bits, or nothing"),
        ("spike,5,,\n", ":3: source: found 5; allowed: 0 to 4"),
        ("spike,,,\n", ":3: source: missing; allowed: 0 to 4"),
        ("spike,1,2,\n", ":3: neuron: not carried by 'spike', which carries source"),
        ("\n\nvirtual,,0,8\n", ":5: weight_in: found 8; allowed: -8 to 7"),
        (
            "spikes,1,,\n",
            ":3: kind: found 'spikes'; allowed: spike, reference, reference_one, virtual. Did you mean 'spike'?",
        ),
        (",,,\n", ":3: kind: found ''; allowed: spike, reference, reference_one, virtual"),
        (",1,,\n", ":3: kind: found ''; allowed: spike, reference, reference_one, virtual"),
        ('spike,"1\n', ":3: unexpected end of data"),
        ('spike,"1"2,,\n', ":3: ',' expected after '\"'"),
    ],
)
def test_a_row_that_is_no_event_is_refused_with_its_line(path, rows, message):
    path.write_text(
        f"{HEAD}spike,1,,\n{rows}spike,9,,\n" if "end of data" not in message else f"{HEAD}spike,1,,\n{rows}"
    )
    refused(path, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: found nothing; allowed: a row of column names, such as kind,source"),
        ("\n \n", ":1: found nothing; allowed: a row of column names, such as kind,source"),
        (HEAD, ":1: found no events; at least one is needed"),
        ("source\n1\n", ":1: found no column 'kind'; it names the kind of each event"),
        (
            "\nkind,sorce\nspike,1\n",
            ":2: found column 'sorce'; allowed: kind, source, neuron, weight_in. Did you mean 'source'?",
        ),
        ("kind,source,source\n", ":1: found column 'source' twice; allowed: once"),
        ("kind,\nspike,\n", ":1: found column ''; allowed: kind, source, neuron, weight_in"),
        ("spike,4\n", ":1: found column 'spike'; allowed: kind, source, neuron, weight_in"),
    ],
)
def test_a_header_that_names_no_columns_is_refused(path, text, message):
    path.write_text(text)
    refused(path, message)


def test_bytes_that_are_no_text_are_refused(path):
    path.write_bytes(b"kind,source\nspike,\xff\n")
    refused(path, ": found bytes that are no UTF-8 text; allowed: a CSV file of events")


@pytest.mark.parametrize("content", [b"kind,source\nspike,\x00\n", b"\x00" * 50])
def test_zero_bytes_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(FileError, match=rf"^{re.escape(str(path))}:[12]: "):
        bs.read_event_file(path, NET)


def test_a_missing_file_and_a_folder_are_refused(tmp_path, path):
    refused(path, ": no such file")
    refused(tmp_path, ": cannot be read: Is a directory")


def test_a_file_beyond_a_sensible_size_is_not_read(path):
    with open(path, "wb") as file:
        file.truncate((1 << 30) + 1)  # sparse: it takes no room
    refused(path, ": larger than 1,073,741,824 bytes")


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(FileError, match="cannot be written"):
        bs.write_event_file(tmp_path / "no" / "events.csv", bs.Events.of(EVENTS))
    assert list(tmp_path.iterdir()) == []
