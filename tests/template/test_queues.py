"""Every asynchronous path: nothing that fails may vanish."""

from __future__ import annotations

import pytest

from tests.template.deployed import deployed, of_type

DEAD_LETTERS = {
    "StripeEventsQueue": "StripeEventsDeadLetters",
    "StepsQueue": "StepsDeadLetters",
    "ReconcileQueue": "ReconcileDeadLetters",
}
OF_THE_STREAM = ("MeasureLogDeadLetters", "PublishEventsDeadLetters")
FOURTEEN_DAYS = 14 * 24 * 3600


def mappings() -> dict[str, dict]:
    """Event source mappings by the function that they feed."""
    found = of_type("production", "AWS::Lambda::EventSourceMapping").values()
    return {each["Properties"]["FunctionName"]["Ref"]: each["Properties"] for each in found}


def arn(name: str) -> dict:
    return {"Fn::GetAtt": [name, "Arn"]}


def test_every_queue_is_encrypted():
    for name, queue in of_type("production", "AWS::SQS::Queue").items():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True, name


def test_every_queue_either_has_dead_letters_or_is_where_they_go():
    queues = of_type("production", "AWS::SQS::Queue")
    redriven = {
        name: each["Properties"]["RedrivePolicy"]
        for name, each in queues.items()
        if "RedrivePolicy" in each["Properties"]
    }

    assert {name: each["deadLetterTargetArn"] for name, each in redriven.items()} == {
        name: arn(dead) for name, dead in DEAD_LETTERS.items()
    }
    assert {each["maxReceiveCount"] for each in redriven.values()} == {5}
    assert set(queues) - set(redriven) == {*DEAD_LETTERS.values(), *OF_THE_STREAM, "SweepDeadLetters"}


@pytest.mark.parametrize("dead", [*DEAD_LETTERS.values(), *OF_THE_STREAM])
def test_dead_letters_wait_as_long_as_sqs_lets_them(dead):
    queue = of_type("production", "AWS::SQS::Queue")[dead]

    assert queue["Properties"]["MessageRetentionPeriod"] == FOURTEEN_DAYS


@pytest.mark.parametrize(
    ("worker", "queue"), [("ApplyStripeEvent", "StripeEventsQueue"), ("TakeNextStep", "StepsQueue")]
)
def test_a_worker_gives_back_only_what_failed_and_nobody_sees_it_too_early(worker, queue):
    mapping = mappings()[worker]
    timeout = deployed("production")[worker]["Properties"]["Timeout"]

    assert mapping["EventSourceArn"] == arn(queue)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 5
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": "5"}
    assert deployed("production")[queue]["Properties"]["VisibilityTimeout"] >= 6 * timeout


def test_a_long_day_goes_on_message_by_message_and_nobody_sees_one_too_early():
    mapping = mappings()["ReconcileDay"]
    timeout = deployed("production")["ReconcileDay"]["Properties"]["Timeout"]

    assert mapping["EventSourceArn"] == arn("ReconcileQueue")
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert deployed("production")["ReconcileQueue"]["Properties"]["VisibilityTimeout"] >= 6 * timeout


def test_the_night_is_asked_for_twice_a_day_tried_again_and_kept_when_it_fails():
    rule = deployed("production")["ReconcileDayNightly"]["Properties"]
    [target] = rule["Targets"]
    [invocation] = [
        each["Properties"]
        for each in of_type("production", "AWS::Lambda::EventInvokeConfig").values()
        if each["Properties"]["FunctionName"] == {"Ref": "ReconcileDay"}
    ]

    assert rule["ScheduleExpression"] == "cron(10 3,15 * * ? *)"
    assert target["Arn"] == arn("ReconcileDay")
    assert target["DeadLetterConfig"] == {"Arn": arn("ReconcileDeadLetters")}
    assert invocation["MaximumRetryAttempts"] == 2
    assert invocation["DestinationConfig"]["OnFailure"]["Destination"] == arn("ReconcileDeadLetters")


def test_the_log_is_measured_in_pieces_with_a_place_for_those_that_cannot_be():
    mapping = mappings()["MeasureLog"]

    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["TransactionsTable", "StreamArn"]}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == 5
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": arn("MeasureLogDeadLetters")}}


def test_what_the_bus_does_not_take_is_tried_until_the_stream_is_about_to_forget_it():
    mapping = mappings()["PublishEvents"]

    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["TransactionsTable", "StreamArn"]}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == -1
    assert 20 * 3600 <= mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert "ParallelizationFactor" not in mapping  # one at a time per shard keeps a booking's lines in order
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": arn("PublishEventsDeadLetters")}}


def test_nobody_but_the_two_reads_the_stream():
    """AWS advises no more than two readers per shard."""
    of_the_stream = {"Fn::GetAtt": ["TransactionsTable", "StreamArn"]}
    readers = {name for name, mapping in mappings().items() if mapping["EventSourceArn"] == of_the_stream}

    assert readers == {"MeasureLog", "PublishEvents"}


def test_the_clock_is_swept_each_minute_and_lost_sweeps_are_kept():
    rule = deployed("production")["SweepDueEachMinute"]
    [target] = rule["Properties"]["Targets"]
    [invocation] = [
        each
        for each in of_type("production", "AWS::Lambda::EventInvokeConfig").values()
        if each["Properties"]["FunctionName"] == {"Ref": "SweepDue"}
    ]

    assert rule["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert target["Arn"] == arn("SweepDue")
    assert target["DeadLetterConfig"] == {"Arn": arn("SweepDeadLetters")}
    assert invocation["Properties"]["DestinationConfig"]["OnFailure"]["Destination"] == arn("SweepDeadLetters")


@pytest.mark.parametrize(
    ("dead", "rule"), [("SweepDeadLetters", "SweepDueEachMinute"), ("ReconcileDeadLetters", "ReconcileDayNightly")]
)
def test_only_the_schedules_own_rule_may_send_to_its_dead_letters(dead, rule):
    policy = deployed("production")[f"{dead}Policy"]["Properties"]
    [statement] = policy["PolicyDocument"]["Statement"]

    assert rule in of_type("production", "AWS::Events::Rule")
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arn(rule)}}
    assert statement["Resource"] == arn(dead)
