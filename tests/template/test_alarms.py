"""Alarms: what nothing in the system mends by itself, a person hears of."""

from __future__ import annotations

import pytest

from tests.template.deployed import of_type, source

ALARMS = of_type("production", "AWS::CloudWatch::Alarm")


def watched(metric: str) -> set[str]:
    """Names of what alarms on this metric look at."""
    return {
        str(value.get("Fn::GetAtt", [value.get("Ref")])[0]) if isinstance(value, dict) else value
        for alarm in ALARMS.values()
        if alarm["Properties"]["MetricName"] == metric
        for value in [alarm["Properties"]["Dimensions"][0]["Value"]]
    }


def test_somebody_hears_of_every_dead_letter():
    dead = {name for name in of_type("production", "AWS::SQS::Queue") if name.endswith("DeadLetters")}

    assert watched("ApproximateNumberOfMessagesVisible") == dead


def test_somebody_hears_of_a_clock_that_lags_or_stands_still():
    assert watched("Invocations") == {"SweepDue", "ReconcileDay"}
    assert ALARMS["ClockStoppedAlarm"]["Properties"]["TreatMissingData"] == "breaching"
    assert watched("ClockLag") == {"AWS::StackName"}


def test_somebody_hears_of_what_reconciliation_leaves_and_of_nights_without_one():
    assert watched("DifferencesLeft") == {"AWS::StackName"}
    assert ALARMS["ReconciliationStoppedAlarm"]["Properties"]["TreatMissingData"] == "breaching"
    assert ALARMS["ReconciliationStoppedAlarm"]["Properties"]["Period"] == 86_400


def test_somebody_hears_of_queues_that_grow_and_doors_that_fail():
    assert watched("ApproximateAgeOfOldestMessage") == {"StripeEventsQueue", "StepsQueue"}
    # A door that answers 500, because queue or secret are out of reach, has not failed in Lambda's eyes.
    assert watched("Errors") == watched("Url5xxCount") == {"ReceiveStripeEvent"}
    assert watched("5XXError") == {"AWS::StackName"}


def test_somebody_hears_of_events_that_are_not_published():
    assert watched("IteratorAge") == {"PublishEvents"}
    assert ALARMS["PublishEventsAgeAlarm"]["Properties"]["Threshold"] == 15 * 60 * 1000  # milliseconds


@pytest.mark.parametrize("name", ["ClockLagAlarm", "DifferencesLeftAlarm"])
def test_our_own_metrics_are_looked_for_where_they_are_reported(name):
    variables = source()["Globals"]["Function"]["Environment"]["Variables"]
    properties = ALARMS[name]["Properties"]

    assert properties["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
    assert properties["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_where_to_read_on_and_calls_the_topic_if_there_is_one(name):
    properties = source()["Resources"][name]["Properties"]

    assert properties["AlarmDescription"].endswith("see docs/runbook.md.")
    assert properties["AlarmActions"] == {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], []]}


def test_a_laptop_has_no_alarms():
    assert of_type("local", "AWS::CloudWatch::Alarm") == {}
