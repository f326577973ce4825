"""Shortcuts through moto, where most of the time went; none changes what it answers.

It rolls a refused transaction back by copying every table whole before each one. Here the copy shares the items: a put
or a delete replaces an item in its table, and an update first gets an item of its own to write on. And it serializes
each attribute of an item by trying all ten types of DynamoDB on it, over and over, although it is wire format already.
Each of its mocks forgets boto3's session, and with it the descriptions of the services, megabytes of JSON: here they
are read once.
`tests/integration/test_faster_moto.py` holds both.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from functools import cache
from typing import Any

from botocore import session
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table


def _share(self: Any, memo: dict[int, Any]) -> Any:
    shared = copy.copy(self)
    shared.items = defaultdict(dict)
    for key, found in self.items.items():
        shared.items[key] = dict(found) if self.has_range_key else found
    memo[id(self)] = shared
    return shared


_update_item = DynamoDBBackend.update_item
_create_loader = session.create_loader
_serialize_structure = BaseJSONSerializer._serialize_type_structure


def _update_a_copy(self: Any, table_name: str, key: Any, *args: Any, **kwargs: Any) -> Any:
    table = self.get_table(table_name)
    item = self.get_item(table_name, key)
    if item is not None:
        fresh = copy.deepcopy(item)
        if table.has_range_key:
            table.items[item.hash_key][item.range_key] = fresh
        else:
            table.items[item.hash_key] = fresh
    return _update_item(self, table_name, key, *args, **kwargs)


def _as_it_is(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    if shape.name == "AttributeValue":
        serialized[key] = value
    else:
        _serialize_structure(self, serialized, value, shape, key)


def shorten() -> None:
    """From now on moto copies only what a transaction changes, and serializes only what needs it."""
    Table.__deepcopy__ = _share  # type: ignore[attr-defined]
    DynamoDBBackend.update_item = _update_a_copy  # type: ignore[method-assign]
    BaseJSONSerializer._serialize_type_structure = _as_it_is  # type: ignore[method-assign]
    session.create_loader = cache(_create_loader)
