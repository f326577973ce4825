"""What is built is enough: each handler imports with nothing but its folder, the layers and the standard library.

The emulator cannot show this, because its functions also find the packages of the emulator itself.
"""

from __future__ import annotations

import pytest

from tests.packaging.built import built, folder, function_names

FOLDERS = [folder(name) for name in function_names()]
TELL = """
import json, time
started = time.perf_counter()
import handler
seconds = time.perf_counter() - started
files = [module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
print(json.dumps({
    "seconds": seconds,
    "callable": callable(handler.handler),
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "site": [file for file in files if "site-packages" in file],
}))
"""


@pytest.mark.parametrize("function", FOLDERS)
def test_a_handler_imports_from_its_package_and_the_layers_alone(function):
    told = built().run(function, TELL)
    print(f"{function}: imported in {told['seconds'] * 1000:.0f} ms")

    assert told["callable"]
    assert told["site"] == []


@pytest.mark.parametrize("function", ["authorize_caller", "receive_stripe_event"])
def test_what_everybody_waits_for_starts_without_the_heavy_packages(function):
    modules = set(built().run(function, TELL)["modules"])

    assert not modules & {"boto3", "pydantic", "stripe"}


def test_every_module_of_the_domain_imports_even_those_that_are_imported_late():
    script = """
import importlib, json, pkgutil
import holdfast
names = [each.name for each in pkgutil.walk_packages(holdfast.__path__, "holdfast.")]
for name in names:
    importlib.import_module(name)
print(json.dumps(names))
"""
    assert "holdfast.stripe_gateway" in built().run("place_hold", script)


@pytest.mark.parametrize("service", ["dynamodb", "events", "secretsmanager", "sqs"])
def test_the_services_that_are_called_are_still_described_in_the_layer(service):
    script = f"""
import boto3, json
print(json.dumps(boto3.client({service!r}).meta.service_model.service_name))
"""
    assert built().run("place_hold", script) == service


def test_stripes_client_works_without_what_the_layer_leaves_out():
    script = """
import json, stripe
client = stripe.StripeClient("sk_test_nothing", http_client=stripe.RequestsClient())
names = "charges customers disputes ephemeral_keys events payment_intents payment_methods refunds setup_intents"
print(json.dumps([type(getattr(client.v1, name)).__name__ for name in names.split()]))
"""
    assert "PaymentIntentService" in built().run("place_hold", script)


def test_the_tracer_finds_its_sdk():
    script = """
import json
from aws_lambda_powertools import Tracer
print(json.dumps(Tracer.__name__))
"""
    assert built().run("place_hold", script) == "Tracer"
