"""What a deployment still lacks: the secret's values, Stripe's webhook, and what the emulator overlooks."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import httpx
from samtranslator.yaml_helper import yaml_parse

from local.cloud.aws import Aws
from local.cloud.deploy import Deployment
from local.cloud.places import TEMPLATE
from local.cloud.processes import ProcessFailed
from local.cloud.services import Services

if TYPE_CHECKING:
    from mypy_boto3_apigateway.type_defs import PatchOperationTypeDef


def put_keys(aws: Aws, deployment: Deployment, services: Services) -> str:
    """The signing secret that Stripe's simulator and the webhook function now share."""
    webhook_secret = f"whsec_{secrets.token_hex(16)}"
    aws.secretsmanager.put_secret_value(
        SecretId=deployment.resources["StripeSecret"],
        SecretString=json.dumps(
            {
                "secret_key": services.stripe_secret_key,
                "publishable_key": services.stripe_publishable_key,
                "webhook_secrets": [webhook_secret],
            }
        ),
    )
    return webhook_secret


def register_webhook(services: Services, webhook_url: str, webhook_secret: str) -> None:
    answer = httpx.post(
        f"{services.stripe_url}/_simulator/webhook_endpoints",
        json={"url": webhook_url, "secret": webhook_secret, "enabled_events": ["*"]},
        trust_env=False,
    )
    answer.raise_for_status()


def switch_on_what_was_overlooked(aws: Aws, deployment: Deployment) -> None:
    """What it drops from a template, or understands otherwise than AWS."""
    resources: dict[str, Any] = yaml_parse(TEMPLATE.read_text())["Resources"]
    _set_lifetimes(aws, deployment, resources)
    _set_gateway_responses(aws, deployment, resources)
    _set_throttles(aws, deployment, resources)
    _set_concurrency(aws)
    _allow_batches(aws, deployment)


def _set_lifetimes(aws: Aws, deployment: Deployment, resources: dict[str, Any]) -> None:
    for name, resource in resources.items():
        lifetime = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if lifetime:
            aws.dynamodb.update_time_to_live(TableName=deployment.resources[name], TimeToLiveSpecification=lifetime)


def _set_gateway_responses(aws: Aws, deployment: Deployment, resources: dict[str, Any]) -> None:
    api_id = deployment.resources["Api"]
    for kind, response in resources["Api"]["Properties"]["GatewayResponses"].items():
        headers = response["ResponseParameters"]["Headers"]
        aws.apigateway.put_gateway_response(
            restApiId=api_id,
            responseType=kind,
            statusCode=str(response["StatusCode"]),
            responseParameters={f"gatewayresponse.header.{header}": value for header, value in headers.items()},
            responseTemplates=response["ResponseTemplates"],
        )
    aws.apigateway.create_deployment(restApiId=api_id, stageName=resources["Api"]["Properties"]["StageName"])


def _set_throttles(aws: Aws, deployment: Deployment, resources: dict[str, Any]) -> None:
    """CloudFormation writes a method's path as /~1holds; it takes that for the path itself, where no method is."""
    api_id, stage = deployment.resources["Api"], resources["Api"]["Properties"]["StageName"]
    changes: list[PatchOperationTypeDef] = []
    for method, limits in aws.apigateway.get_stage(restApiId=api_id, stageName=stage)["methodSettings"].items():
        if method.startswith("/~1"):
            for limit, value in (
                ("rateLimit", limits["throttlingRateLimit"]),
                ("burstLimit", limits["throttlingBurstLimit"]),
            ):
                changes.append({"op": "replace", "path": f"{method}/throttling/{limit}", "value": str(value)})
    aws.apigateway.update_stage(restApiId=api_id, stageName=stage, patchOperations=changes)


def _set_concurrency(aws: Aws) -> None:
    """Its pollers compare what the template says with a number, and stumble over a text."""
    for mapping in aws.functions.list_event_source_mappings()["EventSourceMappings"]:
        concurrency = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        if concurrency is not None:
            aws.functions.update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(concurrency)}
            )


def _allow_batches(aws: Aws, deployment: Deployment) -> None:
    """It wants a right of its own for sending batches; at AWS, sqs:SendMessage is that right and there is no other."""
    for role in (physical for logical, physical in deployment.resources.items() if logical.endswith("Role")):
        for policy in aws.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document: Any = aws.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for statement in document["Statement"]:
                if statement["Action"] == ["sqs:SendMessage"]:
                    statement["Action"] = ["sqs:SendMessage", "sqs:SendMessageBatch"]
                    aws.iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def wait_until_it_answers(api_url: str, staff_token: str, seconds: float = 60.0) -> None:
    """Through the gateway, the authorizer and a function to a table and back."""
    deadline = time.monotonic() + seconds
    while True:
        answer = httpx.get(
            f"{api_url}/events/no-such-event",
            headers={"Authorization": f"Bearer {staff_token}"},
            timeout=30,
            trust_env=False,
        )
        if answer.status_code < 500:
            return
        if time.monotonic() > deadline:
            raise ProcessFailed(f"the API answers {answer.status_code}: {answer.text}")
        time.sleep(0.5)
