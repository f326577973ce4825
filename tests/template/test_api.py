"""The REST API: its routes, who is asked before each, how much it takes, and what it says by itself."""

from __future__ import annotations

import json

import pytest

from tests.template.deployed import deployed, of_type, source
from tests.template.documented import functions

VERBS = {"get", "put", "post", "delete"}
# The contract's types with the status of each.
PROBLEMS = {
    "/problems/invalid-request": 400,
    "/problems/unauthenticated": 401,
    "/problems/forbidden": 403,
    "/problems/not-found": 404,
    "/problems/too-large": 413,
    "/problems/unsupported-media-type": 415,
    "/problems/rate-limited": 429,
}


def body() -> dict:
    [api] = of_type("production", "AWS::ApiGateway::RestApi").values()
    return api["Properties"]["Body"]


def stage() -> dict:
    [found] = of_type("production", "AWS::ApiGateway::Stage").values()
    return found["Properties"]


def operations() -> dict[tuple[str, str], dict]:
    return {
        (verb.upper(), path): operation
        for path, methods in body()["paths"].items()
        for verb, operation in methods.items()
        if verb in VERBS
    }


def test_the_routes_are_the_documented_ones_each_with_its_verb():
    documented = {each.route: each.name for each in functions().values() if each.route}
    integrations = {
        route: operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        for route, operation in operations().items()
    }

    assert set(integrations) == set(documented)
    for route, name in documented.items():
        assert f"${{{name}.Arn}}" in integrations[route]


def test_nothing_is_reached_without_the_authorizer():
    for route, operation in operations().items():
        assert operation["security"] == [{"CallerAuthorizer": []}], route


def test_the_authorizer_takes_the_token_and_its_answer_is_kept():
    scheme = body()["components"]["securitySchemes"]["CallerAuthorizer"]
    authorizer = scheme["x-amazon-apigateway-authorizer"]

    assert (scheme["in"], scheme["name"]) == ("header", "Authorization")
    assert authorizer["type"] == "token"
    assert str(authorizer["authorizerResultTtlInSeconds"]) == "300"


def test_every_route_is_throttled_and_those_that_begin_a_payment_more():
    settings = {(each["HttpMethod"], each["ResourcePath"]): each for each in stage()["MethodSettings"]}

    # Slashes of a path are written ~1 but for the first, or the setting is for a method that does not exist:
    # docs.aws.amazon.com/AWSCloudFormation, MethodSetting, ResourcePath.
    assert set(settings) == {("*", "/*"), ("POST", "/~1holds"), ("POST", "/~1refunds")}
    for each in settings.values():
        assert float(each["ThrottlingRateLimit"]) > 0
        assert int(each["ThrottlingBurstLimit"]) > 0
    everything, holds = settings["*", "/*"], settings["POST", "/~1holds"]
    assert float(holds["ThrottlingRateLimit"]) < float(everything["ThrottlingRateLimit"])


def test_there_is_an_access_log_of_json_lines_without_tokens():
    setting = stage()["AccessLogSetting"]
    line = json.loads(setting["Format"])
    group = deployed("production")[setting["DestinationArn"]["Fn::GetAtt"][0]]

    assert group["Properties"]["RetentionInDays"] == "30"
    assert {"requestId", "method", "route", "status", "latency", "caller"} <= set(line)
    assert not [value for value in line.values() if "header" in value or "token" in value.lower()]
    assert stage()["TracingEnabled"] is True


def test_the_stage_waits_for_the_role_that_may_write_its_access_log():
    assert source()["Resources"]["Api"]["DependsOn"] == "ApiGatewayAccount"
    assert "ApiGatewayAccount" in deployed("production")
    assert "ApiGatewayAccount" not in deployed("local")


@pytest.mark.parametrize("kind", sorted(source()["Resources"]["Api"]["Properties"]["GatewayResponses"]))
def test_the_gateways_own_answers_are_problems(kind):
    response = body()["x-amazon-apigateway-gateway-responses"][kind]
    status = response["statusCode"]
    text = response["responseTemplates"]["application/json"]
    problem = json.loads(
        text.replace("$context.error.messageString", '"said by the gateway"').replace("$context.requestId", "request-1")
    )

    assert problem["status"] == int(status)
    assert PROBLEMS.get(problem["type"], int(status)) == int(status)
    assert problem["type"] in PROBLEMS or (problem["type"] == "about:blank" and int(status) >= 500)
    assert problem["instance"] == "request-1"
    headers = response["responseParameters"]
    assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    assert ("gatewayresponse.header.Retry-After" in headers) == (int(status) == 429)


def test_every_answer_that_the_gateway_gives_by_itself_has_been_thought_of():
    kinds = set(body()["x-amazon-apigateway-gateway-responses"])

    assert {"UNAUTHORIZED", "ACCESS_DENIED", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED", "REQUEST_TOO_LARGE"} <= kinds
    assert {"INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "AUTHORIZER_FAILURE", "BAD_REQUEST_BODY"} <= kinds
    # Whatever has no entry of its own: among them a function that crashed, and a token at a path that does not exist.
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= kinds


def test_the_gateway_does_not_repeat_a_token_that_it_took_for_a_signature():
    text = body()["x-amazon-apigateway-gateway-responses"]["DEFAULT_4XX"]["responseTemplates"]["application/json"]

    assert "$context.error" not in text
