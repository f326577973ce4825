"""Which deployment a command works on: the local cloud that runs in this folder, or a stack on AWS."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

STACK_FILE = Path(__file__).parents[1] / ".local" / "stack.json"


@dataclass(frozen=True)
class Target:
    """AWS clients, and the physical names of the stack's resources by their names in template.yaml.

    `stripe_url` and `clock_url` are the local cloud's; None is Stripe itself, and real time.
    """

    session: boto3.Session
    endpoint_url: str | None
    stack_name: str
    stripe_url: str | None = None
    clock_url: str | None = None

    def client(self, service: Any) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint_url)

    def resources(self) -> dict[str, str]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack_name)
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages
            for each in page["StackResourceSummaries"]
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", help="a stack on AWS (credentials and region as the AWS CLI finds them)")
    parser.add_argument("--stack-file", type=Path, default=STACK_FILE, help="the local cloud's stack.json")


def chosen(arguments: argparse.Namespace) -> Target:
    """The stack that was named, else the local cloud. Exits with a clear line where neither is there."""
    if arguments.stack:
        return Target(boto3.Session(), None, arguments.stack)
    if not arguments.stack_file.exists():
        sys.exit(f"{arguments.stack_file} is missing: start the local cloud (make run), or name a stack with --stack.")
    local = json.loads(arguments.stack_file.read_text())
    session = boto3.Session("test", "test", region_name=local["region"])
    return Target(
        session, local["aws_endpoint_url"], local["stack_name"], local.get("stripe_url"), local.get("clock_url")
    )
