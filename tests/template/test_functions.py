"""Every function: where it is, what it may know, and where it writes its log."""

from __future__ import annotations

import pytest

from tests.template.deployed import ROOT, deployed, of_type, source, variables
from tests.template.documented import Function, functions

DOCUMENTED = list(functions().values())
EVERYWHERE = {"DEPLOYMENT", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
RATE_LIMITS = {f"RATE_LIMIT_{each}_PER_MINUTE" for each in ("READS", "CARDS", "MONEY")}
OF_THE_AUTHORIZER = {
    "PRIVY_APP_ID",
    "PRIVY_ISSUER",
    "PRIVY_JWKS_URL",
    "STAFF_ISSUER",
    "STAFF_AUDIENCE",
    "STAFF_JWKS_URL",
}
QUEUE_VARIABLES = {
    "steps": "STEPS_QUEUE_URL",
    "stripe events": "STRIPE_EVENTS_QUEUE_URL",
    "reconcile": "RECONCILE_QUEUE_URL",
}
# Signatures and tokens are judged by real time, and what is counted has happened already.
WITHOUT_A_CLOCK = {"authorize_caller", "receive_stripe_event", "measure_log", "publish_events"}


OF_ITS_OWN = {
    "put_event": {"DEFAULT_POLICY"},
    "place_hold": {"HOLD_LEAD_HOURS", "HOLD_MEND_HOURS", "DECLINE_RETRY_MINUTES", "EXTENDED_AUTHORIZATION"},
    "publish_events": {"DOMAIN_EVENTS_BUS", "UNPUBLISHED_LINES_QUEUE_URL"},
}


def needed_variables(function: Function) -> set[str]:
    needed = EVERYWHERE | {f"{table.upper()}_TABLE" for table in function.tables}
    needed |= {QUEUE_VARIABLES[queue] for queue in function.queues}
    if function.route:
        needed |= RATE_LIMITS | {"IDEMPOTENCY_TABLE"}
    if function.secret:
        needed.add("STRIPE_SECRET_ID")
    if function.quote_key:
        needed.add("QUOTE_KEY_ID")
    needed |= OF_ITS_OWN.get(function.folder, set())
    if function.folder == "authorize_caller":
        needed |= OF_THE_AUTHORIZER
    return needed


def test_documented_deployed_and_written_functions_are_the_same():
    folders = {each.parent.name for each in (ROOT / "functions").glob("*/handler.py")}
    deployed_folders = {
        each["Properties"]["CodeUri"].removeprefix("functions/")
        for each in source()["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
    }

    assert deployed_folders == set(functions()) == folders


@pytest.mark.parametrize("function", DOCUMENTED, ids=lambda each: each.folder)
def test_a_function_knows_what_it_needs_and_nothing_else(function):
    assert set(variables("production", function.name)) == needed_variables(function)


@pytest.mark.parametrize("function", DOCUMENTED, ids=lambda each: each.folder)
def test_a_function_has_its_own_log_group_with_a_retention(function):
    properties = deployed("production")[function.name]["Properties"]
    group = deployed("production")[properties["LoggingConfig"]["LogGroup"]["Ref"]]

    assert group["Type"] == "AWS::Logs::LogGroup"
    assert group["Properties"]["RetentionInDays"] == "30"
    assert group["Properties"]["LogGroupName"] == {
        "Fn::Sub": f"/aws/lambda/${{AWS::StackName}}-{function.folder.replace('_', '-')}"
    }


def test_no_two_functions_share_a_log_group_or_a_role():
    all_properties = [each["Properties"] for each in of_type("production", "AWS::Lambda::Function").values()]

    assert len({each["LoggingConfig"]["LogGroup"]["Ref"] for each in all_properties}) == len(all_properties)
    assert len({each["Role"]["Fn::GetAtt"][0] for each in all_properties}) == len(all_properties)


@pytest.mark.parametrize("function", DOCUMENTED, ids=lambda each: each.folder)
def test_a_function_is_traced_and_ends_before_whoever_waits_for_it(function):
    properties = deployed("production")[function.name]["Properties"]
    # API Gateway waits 29 s; Stripe some 10 to 20; a minute's sweep must not pile up; a worker has a lease of its own.
    longest = {
        "receive_stripe_event": 10,
        "sweep_due": 120,
        "apply_stripe_event": 150,
        "take_next_step": 150,
        "measure_log": 60,
        "publish_events": 60,
        "reconcile_day": 300,  # nobody waits; a long day goes on in another invocation
    }

    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert properties["Timeout"] <= longest.get(function.folder, 28)
    assert properties["Handler"] == "handler.handler"
    assert len(properties["Layers"]) == 2


@pytest.mark.parametrize("stage", ["staging", "production"])
@pytest.mark.parametrize("function", DOCUMENTED, ids=lambda each: each.folder)
def test_outside_the_local_stage_nothing_overrides_stripe_or_the_clock(stage, function):
    """Although the parameters are given: see LOCAL_ONLY in deployed.py."""
    assert not {"STRIPE_API_BASE", "CLOCK_URL"} & set(variables(stage, function.name))
    assert "127.0.0.1" not in str(deployed(stage)[function.name])


@pytest.mark.parametrize("function", DOCUMENTED, ids=lambda each: each.folder)
def test_in_the_local_stage_stripe_is_the_simulator_and_time_is_its_clock(function):
    local = variables("local", function.name)

    assert ("STRIPE_API_BASE" in local) == function.stripe
    assert ("CLOCK_URL" in local) == (function.folder not in WITHOUT_A_CLOCK)
    assert set(local) - {"STRIPE_API_BASE", "CLOCK_URL"} == needed_variables(function)


def test_there_are_two_layers_built_by_makefiles():
    layers = {
        name: each for name, each in source()["Resources"].items() if each["Type"] == "AWS::Serverless::LayerVersion"
    }

    assert set(layers) == {"DependenciesLayer", "HoldfastLayer"}
    for name, layer in layers.items():
        makefile = ROOT / layer["Properties"]["ContentUri"] / "Makefile"
        assert layer["Metadata"]["BuildMethod"] == "makefile"
        assert f"build-{name}:" in makefile.read_text()
