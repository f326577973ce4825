"""Clients that talk to the emulator and to nothing else, whatever the user's own AWS settings are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.cloud.places import REGION

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass
class Aws:
    url: str

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        return boto3.client("cloudformation", **self._settings())

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return boto3.client("dynamodb", **self._settings())

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        return boto3.client("secretsmanager", **self._settings())

    @cached_property
    def apigateway(self) -> APIGatewayClient:
        return boto3.client("apigateway", **self._settings())

    @cached_property
    def functions(self) -> LambdaClient:
        return boto3.client("lambda", **self._settings())

    @cached_property
    def iam(self) -> IAMClient:
        return boto3.client("iam", **self._settings())

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return boto3.client("logs", **self._settings())

    def _settings(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.url,
            "region_name": REGION,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(proxies={}),
        }
