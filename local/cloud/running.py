"""The local cloud as one block of code: up when it is entered, gone when it is left."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from local.cloud import finish, function_logs
from local.cloud.aws import Aws
from local.cloud.build import build
from local.cloud.deploy import deploy
from local.cloud.places import LOCAL
from local.cloud.processes import Processes
from local.cloud.services import Services, start_services
from local.cloud.stack import Stack, describe


@dataclass(frozen=True)
class Running:
    stack: Stack
    stack_file: Path
    processes: Processes


def _silent(line: str) -> None:
    pass


@contextmanager
def running_cloud(home: Path = LOCAL, say: Callable[[str], None] = _silent) -> Iterator[Running]:
    """Everything it writes lies under `home`: stack.json, logs, and the emulator's state, which is new each time."""
    stack_file = home / "stack.json"
    logs, state = home / "logs", home / "state"
    # Left by a run that was killed; nothing of it can be of use.
    stack_file.unlink(missing_ok=True)
    for left in (logs, state):
        shutil.rmtree(left, ignore_errors=True)
    try:
        with Processes(logs, stack_file) as processes:
            services = start_services(processes, state)
            say(f"AWS emulator, Stripe simulator and token issuer are up; logs are in {logs}")
            say("built with sam build" if build(processes) else "nothing to build: sources are as they were")
            with _deployed(processes, services, logs, say) as stack:
                stack.write(stack_file)
                say(f"the API answers at {stack.api_url}")
                yield Running(stack, stack_file, processes)
    finally:
        stack_file.unlink(missing_ok=True)
        shutil.rmtree(state, ignore_errors=True)


@contextmanager
def _deployed(processes: Processes, services: Services, logs: Path, say: Callable[[str], None]) -> Iterator[Stack]:
    aws = Aws(services.aws_url)
    deployment = deploy(processes, services, aws)
    say(f"deployed template.yaml with sam deploy: {len(deployment.resources)} resources")
    webhook_secret = finish.put_keys(aws, deployment, services)
    finish.switch_on_what_was_overlooked(aws, deployment)
    stack = describe(services, deployment, webhook_secret, logs)
    finish.register_webhook(services, stack.webhook_url, webhook_secret)
    try:
        finish.wait_until_it_answers(stack.api_url, stack.staff_token)
        yield stack
    finally:
        # Once the emulator is gone, so are they.
        with suppress(Exception):
            function_logs.fetch(aws, stack.functions, logs / "functions")
