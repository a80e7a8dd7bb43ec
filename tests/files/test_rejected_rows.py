"""Rejected rows go back as they were sent, with what is wrong with them."""

from __future__ import annotations

from tests.customer_files.files import rejected, rows_of


def test_a_text_stays_one_in_the_rejected_rows() -> None:
    sent = 'externalId,name\n"=""007"""," Acme "\n" =1 ",B\n'
    again = rejected(sent).decode()
    assert '"=""007"""' in again
    assert [row.new() for row in rows_of(again)] == [row.new() for row in rows_of(sent)]


def test_rejected_rows_have_the_columns_as_sent_and_one_that_says_why() -> None:
    sent = "Name;ERROR;contactemail\n=1;old;'+a@x.test\nB\n"
    assert rejected(sent) == (b"Name;contactemail;error\r\n'=1;'+a@x.test;name is wrong\r\nB;;name is wrong\r\n")
    assert rejected(rejected(sent).decode()) == rejected(sent)


def test_rejected_lines_say_why_and_what_is_no_json_stays_as_it_was() -> None:
    sent = '{"name": "A", "error": "old"}\n[1]\n'
    assert rejected(sent, "jsonl") == (b'{"name":"A","error":"name is wrong"}\n{"row":"[1]","error":"name is wrong"}\n')
