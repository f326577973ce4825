"""Deploys the built template with SAM, as one would into an account, and tells what came of it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.cloud.aws import Aws
from local.cloud.places import BUILD, PYTHON, ROOT, RUNTIME, bare_environment, sam_environment
from local.cloud.processes import Processes
from local.cloud.services import Services
from local.token_issuer.tokens import PRIVY_APP_ID, STAFF_AUDIENCE

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

STACK = "holdfast-local"


@dataclass(frozen=True)
class Deployment:
    """Physical names by the template's, and the template's outputs."""

    resources: dict[str, str]
    outputs: dict[str, str]


def deploy(processes: Processes, services: Services, aws: Aws) -> Deployment:
    command: list[str | Path] = [
        *(PYTHON, "-m", "samcli", "deploy", "--config-file", ROOT / "samconfig.toml", "--config-env", "local"),
        *("--template-file", BUILD / "template.yaml"),
        *("--parameter-overrides", *_parameters(services)),
    ]
    environment = bare_environment() | sam_environment() | {"AWS_ENDPOINT_URL": services.aws_url, "NO_PROXY": "*"}
    # SAM leaves an empty folder behind for each function that it uploads.
    with tempfile.TemporaryDirectory() as scratch:
        processes.run("deploy", command, environment | {"TMPDIR": scratch})
    return _look_up(aws.cloudformation)


def _parameters(services: Services) -> list[str]:
    values = {
        "Stage": "local",
        "PythonRuntime": RUNTIME,
        "PrivyAppId": PRIVY_APP_ID,
        "PrivyJwksUrl": f"{services.issuer_url}/.well-known/jwks.json",
        "StaffIssuer": f"{services.issuer_url}/staff",
        "StaffAudience": STAFF_AUDIENCE,
        "StaffJwksUrl": f"{services.issuer_url}/staff/.well-known/jwks.json",
        # Each worker that starts unpacks its layers anew: on two processors a storm of them delays everything else.
        "WorkerConcurrency": "2",
        # Enough to play with; the limits themselves are tested with small numbers.
        "ReadsPerMinute": "10000",
        "CardsPerMinute": "1000",
        "MoneyPerMinute": "1000",
        "ApiRequestsPerSecond": "1000",
        "ApiBurst": "2000",
        "MoneyRoutesPerSecond": "1000",
        "MoneyRoutesBurst": "2000",
        "LocalStripeUrl": services.stripe_url,
        "LocalClockUrl": services.clock_url,
    }
    return [f"{name}={value}" for name, value in values.items()]


def _look_up(cloudformation: CloudFormationClient) -> Deployment:
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    outputs = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0].get("Outputs", [])
    return Deployment(
        resources={each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in resources},
        outputs={each["OutputKey"]: each["OutputValue"] for each in outputs},
    )
