"""What functions may do: exactly what the architecture says they touch."""

from __future__ import annotations

import json

import pytest

from tests.template.deployed import deployed, of_type
from tests.template.documented import Function, functions

DOCUMENTED = list(functions().values())
READS = {"BatchGetItem", "ConditionCheckItem", "GetItem", "Query"}
WRITES = {"DeleteItem", "PutItem", "UpdateItem"}
QUEUES = {"steps": "StepsQueue", "stripe events": "StripeEventsQueue", "reconcile": "ReconcileQueue"}
POLLED = {
    "apply_stripe_event": "StripeEventsQueue",
    "take_next_step": "StepsQueue",
    "reconcile_day": "ReconcileQueue",
}
# AWS's own, and the reason each may stay although it names no resource: a function writes to its log group and sends
# trace segments, which have no resource to name. Both are added by SAM or written beside the roles of our own.
ACCEPTED_MANAGED_POLICIES = {"AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess"}


def statements(name: str) -> list[dict]:
    role = deployed("production")[deployed("production")[name]["Properties"]["Role"]["Fn::GetAtt"][0]]
    policies = role["Properties"].get("Policies", [])
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


def as_list(value):
    return value if isinstance(value, list) else [value]


def rights(function: Function) -> set[tuple[str, str]]:
    """(action, resource), a resource as `BookingsTable` or `BookingsTable/index/by_user`."""
    return {
        (action, _resource(resource))
        for statement in statements(function.name)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def _resource(resource) -> str:
    if isinstance(resource, dict) and "Fn::GetAtt" in resource:
        return ".".join(resource["Fn::GetAtt"]).removesuffix(".Arn")
    if isinstance(resource, dict) and "Fn::Sub" in resource:
        return resource["Fn::Sub"].replace(".Arn}", "}").replace("${", "").replace("}", "")
    return json.dumps(resource)


def expected_tables(function: Function) -> dict[str, str]:
    # Every route takes from its caller's bucket, which lies in this table.
    return function.tables | ({"idempotency": "rw"} if function.route else {})


def table_name(table: str) -> str:
    return "".join(word.capitalize() for word in table.split("_")) + "Table"


@pytest.mark.parametrize("function", DOCUMENTED, ids=lambda each: each.folder)
def test_a_function_touches_the_tables_that_are_documented(function):
    on_tables = {(a, r) for a, r in rights(function) if a.startswith("dynamodb:") and "Stream" not in r}
    on_tables = {(a, r) for a, r in on_tables if "/stream/" not in r}
    touched = {resource.split("/")[0] for _, resource in on_tables}
    indexes = {(r.split("/")[0], r.split("/")[2]) for a, r in on_tables if "/index/" in r}

    assert touched == {table_name(table) for table in expected_tables(function)}
    assert indexes == {(table_name(table), index) for table, index in function.indexes}


@pytest.mark.parametrize("function", DOCUMENTED, ids=lambda each: each.folder)
def test_a_function_writes_only_where_it_is_said_to(function):
    for table, right in expected_tables(function).items():
        actions = {
            action.removeprefix("dynamodb:")
            for action, resource in rights(function)
            if resource.split("/")[0] == table_name(table)
        }
        assert actions <= READS | WRITES
        assert bool(actions & WRITES) == (right == "rw"), (table, actions)


@pytest.mark.parametrize("function", DOCUMENTED, ids=lambda each: each.folder)
def test_a_function_sends_only_to_its_queues_and_reads_only_the_secrets_that_it_needs(function):
    held = rights(function)
    sends = {resource for action, resource in held if action == "sqs:SendMessage"}
    polls = {resource for action, resource in held if action == "sqs:ReceiveMessage"}
    own_failures = {
        "sweep_due": {"SweepDeadLetters"},
        "measure_log": {"MeasureLogDeadLetters"},
        "publish_events": {"PublishEventsDeadLetters"},
        "reconcile_day": {"ReconcileDeadLetters"},
    }

    assert sends - own_failures.get(function.folder, set()) == {QUEUES[queue] for queue in function.queues}
    assert polls == ({POLLED[function.folder]} if function.folder in POLLED else set())
    assert {resource for action, resource in held if action == "secretsmanager:GetSecretValue"} == secrets_of(function)


def secrets_of(function: Function) -> set[str]:
    return ({"StripeSecret.Id"} if function.secret else set()) | ({"QuoteKey.Id"} if function.quote_key else set())


@pytest.mark.parametrize("stage", ["local", "production"])
def test_only_one_function_puts_events_and_only_on_the_deployments_bus(stage):
    allowed = {
        (name, _resource(resource))
        for name, role in of_type(stage, "AWS::IAM::Role").items()
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        for resource in as_list(statement["Resource"])
        if any(action.startswith("events:") for action in as_list(statement["Action"]))
    }

    assert allowed == {("PublishEventsRole", "DomainEventsBus")}


def test_only_who_replays_answers_may_read_them():
    """The caller's bucket lies in the same table, and is written without being read."""
    for function in DOCUMENTED:
        may_read = ("dynamodb:GetItem", "IdempotencyTable") in rights(function)
        # The clock writes the answer of a request that it finished, and never asks what was answered.
        replays = function.tables.get("idempotency") == "rw" and function.folder != "take_next_step"
        assert may_read == replays, function.folder


def test_only_who_needs_a_users_customer_or_default_card_may_read_the_user():
    reading = {function.folder for function in DOCUMENTED if ("dynamodb:GetItem", "UsersTable") in rights(function)}

    assert reading == {
        "set_up_payment_method",
        "attach_payment_method",
        "list_payment_methods",
        "place_hold",
        "change_payment_method",
    }


def test_only_what_hangs_on_an_event_as_it_was_read_may_check_it():
    """A booking, its move, its cancellation, what the clock begins. All else is conditional on the booking alone."""
    checking = {
        function.folder for function in DOCUMENTED if ("dynamodb:ConditionCheckItem", "EventsTable") in rights(function)
    }

    assert checking == {"cancel_booking", "place_hold", "move_booking", "take_next_step"}


def test_nobody_may_change_or_delete_a_line_of_the_log():
    for function in DOCUMENTED:
        on_the_log = {action for action, resource in rights(function) if resource == "TransactionsTable"}
        assert on_the_log <= {"dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query"}, function.folder


@pytest.mark.parametrize("stage", ["local", "staging", "production"])
def test_no_policy_of_ours_has_a_wildcard(stage):
    """One resource ends in a star: the streams of one table, whose name AWS makes up from the time of its creation."""
    accepted = {"${TransactionsTable.Arn}/stream/*"}
    for name, role in of_type(stage, "AWS::IAM::Role").items():
        for policy in role["Properties"].get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                assert not any("*" in action for action in as_list(statement["Action"])), name
                for resource in as_list(statement["Resource"]):
                    text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
                    assert "*" not in str(text) or text in accepted, name


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_the_managed_policies_are_the_accepted_ones(stage):
    for name, role in of_type(stage, "AWS::IAM::Role").items():
        if name == "ApiGatewayLogRole":
            continue  # API Gateway refuses the account's log role with any other policy
        attached = {str(each).rsplit("/", 1)[1].rstrip("'}") for each in role["Properties"]["ManagedPolicyArns"]}
        assert attached <= ACCEPTED_MANAGED_POLICIES, name


def test_only_stripe_itself_can_reach_a_function_without_signing():
    permissions = of_type("production", "AWS::Lambda::Permission")
    public = {
        name: each["Properties"] for name, each in permissions.items() if each["Properties"].get("Principal") == "*"
    }

    assert {each["FunctionName"]["Ref"] for each in public.values()} == {"ReceiveStripeEvent"}
    # Since October 2025 a function URL needs both; the second only lets through what came by the URL.
    assert {each["Action"] for each in public.values()} == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    for each in public.values():
        assert each.get("FunctionUrlAuthType") == "NONE" or each.get("InvokedViaFunctionUrl") is True
