"""Evidence fits what Stripe takes: its fields and their limits; and staff's words stand in for ours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import stripe

from holdfast.errors import RuleRefused
from holdfast.evidence_fields import (
    MOST_BYTES,
    MOST_CHARACTERS,
    TEXT_FIELDS,
    characters,
    check,
    check_each,
    edited,
    edits_in,
    evidence_hash,
    sent_in,
    shortened,
)
from holdfast.fields import EvidenceEdits

# Read and not imported: the SDK loads its modules when they are first needed, and other tests look at which are there.
PARAMETERS = Path(stripe.__file__).parent / "params" / "_dispute_modify_params.py"
SCHEMA = Path(__file__).parents[1] / "simulator" / "stripe-openapi-trimmed.json"


def of_the_sdk() -> dict[str, str]:
    """Each field of the evidence with its description."""
    source = PARAMETERS.read_text().split("class DisputeModifyParamsEvidence(TypedDict):")[1].split("\nclass ")[0]
    return dict(
        re.findall(r'^    (\w+): NotRequired\[str\]\n    """\n(.*?)\n    """', source, re.MULTILINE | re.DOTALL)
    )


def test_the_fields_are_stripe_s_text_fields_and_all_of_them():
    texts = {name for name, described in of_the_sdk().items() if "ID of a [file upload]" not in described}

    assert set(TEXT_FIELDS) == texts
    taken = json.loads(SCHEMA.read_text())["paths"]["/v1/disputes/{dispute}"]["post"]["params"]["properties"]
    assert set(TEXT_FIELDS) <= set(taken["evidence"]["properties"])


def test_the_limits_are_those_that_stripe_documents():
    documented = {
        name: int(found[1].replace(",", ""))
        for name, described in of_the_sdk().items()
        if (found := re.search(r"maximum character count of ([\d,]+)", described))
    }
    whole = re.search(r"limited to ([\d,]+)", PARAMETERS.read_text())

    assert {name: TEXT_FIELDS[name] for name in documented} == documented
    assert whole is not None
    assert int(whole[1].replace(",", "")) == MOST_CHARACTERS


def test_what_the_api_takes_is_what_there_is_with_the_same_limits():
    schema = EvidenceEdits.model_json_schema()["properties"]
    taken = {name: field["anyOf"][0]["maxLength"] for name, field in schema.items()}

    assert taken == dict(TEXT_FIELDS)


ASSEMBLED = {"product_description": "a place", "service_date": "on Monday"}


@pytest.mark.parametrize(
    ("edits", "sent"),
    [
        ({}, ASSEMBLED),
        ({"service_date": "on Tuesday"}, {"product_description": "a place", "service_date": "on Tuesday"}),
        ({"service_date": ""}, {"product_description": "a place"}),
        ({"service_date": None}, ASSEMBLED),
        ({"customer_name": "Alice"}, {**ASSEMBLED, "customer_name": "Alice"}),
    ],
)
def test_staff_s_words_stand_in_for_ours(edits, sent):
    assert edited(ASSEMBLED, edits) == sent


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({}, "no evidence"),
        (dict.fromkeys(TEXT_FIELDS, "x" * 5000) | {"uncategorized_text": "x" * 20_001}, "At most 20000"),
        ({name: "x" * most for name, most in TEXT_FIELDS.items()}, "at most 150000 characters"),
        ({name: "\U0001f642" * min(most, 5000) for name, most in TEXT_FIELDS.items()}, "at most 300000 bytes"),
    ],
)
def test_what_stripe_or_our_log_would_not_take_is_refused(evidence, words):
    with pytest.raises(RuleRefused, match=words):
        check(evidence)


@pytest.mark.parametrize("letter", ["x", "é"])
def test_exactly_the_limit_is_taken_in_characters_and_in_bytes(letter):
    evidence = {name: letter * most for name, most in TEXT_FIELDS.items() if most == 20_000}
    evidence["service_date"] = letter * 5000
    shorter = characters(evidence) - MOST_CHARACTERS
    evidence["uncategorized_text"] = evidence["uncategorized_text"][shorter:]
    assert characters(evidence) == MOST_CHARACTERS
    assert len("é".encode()) * MOST_CHARACTERS == MOST_BYTES

    check(evidence)

    with pytest.raises(RuleRefused):
        check({**evidence, "customer_name": "x"})


def test_each_text_that_is_too_long_is_named():
    with pytest.raises(RuleRefused) as refused:
        check_each({"customer_name": "x" * 5001, "uncategorized_text": "x" * 20_001, "service_date": None})

    assert [fault.pointer for fault in refused.value.errors] == [
        "/evidence/customer_name",
        "/evidence/uncategorized_text",
    ]


def test_equal_evidence_has_equal_hashes_in_any_order():
    one, other = {"a": "1", "b": "2"}, {"b": "2", "a": "1"}

    assert evidence_hash(one) == evidence_hash(other) != evidence_hash({"a": "1", "b": "3"})


@pytest.mark.parametrize("most", [40, 60, 100, 1000])
def test_a_long_story_keeps_its_beginning_and_its_end(most):
    story = [f"line {number}" for number in range(20)]

    found = shortened(story, most).split("\n")

    assert len("\n".join(found)) <= most
    assert (found[0], found[-1]) == ("line 0", "line 19")
    if len("\n".join(story)) > most:
        kept = len(found) - 1
        assert f"({20 - kept} more lines)" in found


@pytest.mark.parametrize(
    ("most", "told"),
    [
        (148, "\n".join([*(f"line {n}" for n in range(9)), "(3 more lines)", *(f"line {n}" for n in range(12, 20))])),
        (60, "line 0\nline 1\nline 2\n(14 more lines)\nline 17\nline 18\nline 19"),
        (59, "line 0\nline 1\nline 2\n(15 more lines)\nline 18\nline 19"),
        (30, "line 0\n(18 more lines)\nline 19"),
        (29, "line 0\nline 1\nline 2\nline 3\nl"),
    ],
)
def test_no_more_of_it_goes_than_has_to(most, told):
    assert shortened([f"line {number}" for number in range(20)], most) == told


@pytest.mark.parametrize("lines", [5, 6])
def test_what_just_fits_is_left_alone(lines):
    story = [f"line {number} of a story that is told at some length" for number in range(lines)]

    assert shortened(story, len("\n".join(story))) == "\n".join(story)


@pytest.mark.parametrize("story", [["x" * 50], ["x" * 30, "y" * 30], ["x" * 30, "y" * 30, "z" * 30]])
def test_what_does_not_fit_in_two_lines_is_cut(story):
    assert shortened(story, 20) == "x" * 20


def line(status, dispute_id="du_1", kind="evidence", operation_id=None, **fields):
    return {
        "kind": kind,
        "status": status,
        "stripe_id": dispute_id,
        "operation_id": operation_id,
        "details": {"fields": fields},
    }


def test_edits_add_up_and_are_taken_back():
    lines = [
        line("edited", service_date="Monday", customer_name="Alice"),
        line("edited", service_date="Tuesday"),
        line("edited", customer_name=None, billing_address=None),
        line("edited", "du_2", uncategorized_text="of another dispute"),
        line("started", operation_id="dr_1", uncategorized_text="what was sent"),
        line("succeeded", kind="check_in"),
    ]

    assert edits_in(lines, "du_1") == {"service_date": "Tuesday"}


def test_what_was_sent_is_what_was_frozen_when_its_sending_began():
    lines = [
        line("succeeded", kind="capture"),
        line("started", operation_id="dr_1", service_date="Monday"),
        line("failed", operation_id="dr_1"),
        line("started", operation_id="dr_2", service_date="Tuesday"),
        line("succeeded", operation_id="dr_2"),
        line("started", "du_2", operation_id="dr_3", service_date="Friday"),
        line("succeeded", "du_2", operation_id="dr_3"),
    ]

    assert sent_in(lines, "du_1") == {"service_date": "Tuesday"}
    assert sent_in(lines[:4], "du_1") is None
