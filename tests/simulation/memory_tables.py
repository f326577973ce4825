"""DynamoDB in memory, behind boto3's own interface: a client with the calls that Holdfast makes, and no others.

It answers as moto does (`test_memory_tables.py` holds the two against each other), some hundred times faster, and where
moto is laxer than DynamoDB it does as DynamoDB's documentation says: placeholders that are not used and reserved words
are refused, a full page has a LastEvaluatedKey even if nothing comes behind it, a starting key has to fit its query.
Time-to-live deletes nothing, as it may in DynamoDB for days. Sizes are not looked at: `page` stands for the megabyte at
which DynamoDB ends a page.

What comes in and goes out is shared with what is kept: nobody may change an attribute's value in place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.simulation import expressions
from tests.simulation.expression_tokens import Refusal, UnknownCall
from tests.simulation.expressions import Item, Value, Values
from tests.simulation.rows import Index, Key, Places, Rows

Around = Callable[[str, Mapping[str, Any], Callable[[], Any]], Any]
"""Called instead of each call, with the operation ("PutItem"), its parameters, and what carries it out and answers.

It may raise before, after or instead of that, wait, or call it twice: a transaction is then carried out once, as the
SDK's own second try is, by its token; anything else twice.
"""

_CODES: Final = (
    "ConditionalCheckFailedException",
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ResourceNotFoundException",
    "ThrottlingException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "ValidationException",
)
_CLASSES: Final[dict[str, type[ClientError]]] = {code: type(code, (ClientError,), {}) for code in _CODES}
_FAILED: Final = "The conditional request failed"
_MOST_ACTIONS: Final = 100
_MOST_KEYS: Final = 100

_EXPRESSIONS: Final = frozenset({"ExpressionAttributeNames", "ExpressionAttributeValues"})
_CHECKED: Final = _EXPRESSIONS | {"TableName", "ConditionExpression", "ReturnValuesOnConditionCheckFailure"}
_PARAMETERS: Final[dict[str, frozenset[str]]] = {
    "GetItem": frozenset({"TableName", "Key", "ConsistentRead"}),
    "PutItem": _CHECKED | {"Item"},
    "Put": _CHECKED | {"Item"},
    "UpdateItem": _CHECKED | {"Key", "UpdateExpression", "ReturnValues"},
    "Update": _CHECKED | {"Key", "UpdateExpression"},
    "DeleteItem": _CHECKED | {"Key"},
    "Delete": _CHECKED | {"Key"},
    "ConditionCheck": _CHECKED | {"Key"},
    "Query": _EXPRESSIONS
    | {"TableName", "IndexName", "KeyConditionExpression", "FilterExpression", "ScanIndexForward", "Limit"}
    | {"ExclusiveStartKey", "ConsistentRead"},
    "Scan": frozenset({"TableName", "Limit", "ExclusiveStartKey", "ConsistentRead"}),
    "BatchGetItem": frozenset({"RequestItems"}),
    "BatchGetItem of a table": frozenset(
        {"Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"}
    ),
    "TransactWriteItems": frozenset({"TransactItems", "ClientRequestToken"}),
}
Change = tuple[Rows, Key, Item | None, Places | None]
"""What an action makes of the item at this key, and where that stands in the indexes: None deletes it."""


def client_error(operation: str, code: str, message: str = "", **more: Any) -> ClientError:
    """What boto3 raises when DynamoDB answers so; `more` as CancellationReasons or Item stand in the answer."""
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 500 if code == "InternalServerError" else 400},
        **more,
    }
    return _CLASSES.get(code, ClientError)(answer, operation)


def cancelled(codes: Iterable[str | None], items: Iterable[Item | None] | None = None) -> Refusal:
    """A transaction was refused: a code for each of its actions, in their order, None where it was not to blame."""
    codes = list(codes)
    reasons: list[dict[str, Any]] = []
    for code, item in zip(codes, items or [None] * len(codes), strict=True):
        message = {"Message": _FAILED if code == "ConditionalCheckFailed" else str(code)} if code else {}
        reasons.append({"Code": code or "None"} | message | ({"Item": dict(item)} if item else {}))
    named = ", ".join(str(code) for code in codes)
    return Refusal(
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{named}]",
        "TransactionCanceledException",
        CancellationReasons=reasons,
    )


class MemoryTables:
    """`schemas` by table name (tests.tables.schemas()). `page`: after so many items a page ends, asked for or not."""

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]], *, page: int | None = None) -> None:
        self._tables = {name: Rows(schema) for name, schema in schemas.items()}
        self._lock = threading.Lock()
        self.page = page
        self.around: Around | None = None
        self.exceptions = SimpleNamespace(**_CLASSES)

    # --- for tests

    def items(self, table: str) -> list[dict[str, Value]]:
        """Everything in a table, in the order of its keys. No call: nothing is around it."""
        with self._lock:
            return [dict(item) for item in self._rows(table)]

    def entries(self, table: str, index: str) -> list[dict[str, Value]]:
        """Everything in an index, as it is seen there: by partition, then in its order."""
        with self._lock:
            rows = self._rows(table)
            found = rows.indexes[index]
            skip = 0 if found.sort is None else 1
            return [
                found.shown(rows.get(entry[skip:]) or {})
                for partition in sorted(found.partitions)
                for entry in found.partitions[partition]
            ]

    def snapshot(self) -> Any:
        """All that is kept, to be restored any number of times; shares the items."""
        with self._lock:
            return {name: rows.snapshot() for name, rows in self._tables.items()}

    def restore(self, snapshot: Any) -> None:
        with self._lock:
            for name, rows in self._tables.items():
                rows.restore(snapshot[name])

    # --- boto3's client

    def get_item(self, **parameters: Any) -> Any:
        return self._call("GetItem", parameters, self._get_item)

    def put_item(self, **parameters: Any) -> Any:
        return self._call("PutItem", parameters, self._put_item)

    def update_item(self, **parameters: Any) -> Any:
        return self._call("UpdateItem", parameters, self._update_item)

    def delete_item(self, **parameters: Any) -> Any:
        return self._call("DeleteItem", parameters, self._delete_item)

    def query(self, **parameters: Any) -> Any:
        return self._call("Query", parameters, self._query)

    def scan(self, **parameters: Any) -> Any:
        return self._call("Scan", parameters, self._scan)

    def batch_get_item(self, **parameters: Any) -> Any:
        return self._call("BatchGetItem", parameters, self._batch_get_item)

    def transact_write_items(self, **parameters: Any) -> Any:
        done: list[Any] = []

        def once(parameters: Mapping[str, Any]) -> Any:
            if not done:
                done.append(self._transact_write_items(parameters))
            return done[0]

        return self._call("TransactWriteItems", parameters, once)

    def _call(self, operation: str, parameters: Mapping[str, Any], action: Callable[[Mapping[str, Any]], Any]) -> Any:
        def perform() -> Any:
            try:
                with self._lock:
                    _known(operation, parameters)
                    return action(parameters)
            except Refusal as refusal:
                raise client_error(operation, refusal.code, refusal.message, **refusal.more) from None

        return perform() if self.around is None else self.around(operation, parameters, perform)

    # --- items

    def _rows(self, table: str) -> Rows:
        rows = self._tables.get(table)
        if rows is None:
            raise Refusal("Requested resource not found", "ResourceNotFoundException")
        return rows

    def _get_item(self, asked: Mapping[str, Any]) -> Any:
        rows = self._rows(asked["TableName"])
        item = rows.get(rows.key_from(asked["Key"]))
        return {} if item is None else {"Item": dict(item)}

    def _put_item(self, asked: Mapping[str, Any]) -> Any:
        self._write("Put", asked)
        return {}

    def _update_item(self, asked: Mapping[str, Any]) -> Any:
        wanted = asked.get("ReturnValues", "NONE")
        if wanted not in ("NONE", "ALL_NEW"):
            raise UnknownCall(f"ReturnValues {wanted}")
        after = self._write("Update", asked)
        assert after is not None
        return {"Attributes": dict(after)} if wanted == "ALL_NEW" else {}

    def _delete_item(self, asked: Mapping[str, Any]) -> Any:
        self._write("Delete", asked)
        return {}

    def _write(self, kind: str, asked: Mapping[str, Any]) -> Item | None:
        change, item, holds = self._planned(kind, asked)
        if not holds:
            shown = {"Item": dict(item)} if item and _wants_item(asked) else {}
            raise Refusal(_FAILED, "ConditionalCheckFailedException", **shown)
        _apply(change)
        return change[2]

    def _planned(self, kind: str, asked: Mapping[str, Any]) -> tuple[Change, Item | None, bool]:
        """What this action would change, the item that it finds, and whether its condition holds."""
        rows = self._rows(asked["TableName"])
        key = rows.key_of(asked["Item"]) if kind == "Put" else rows.key_from(asked["Key"])
        item = rows.get(key)
        names, values = _names(asked), asked.get("ExpressionAttributeValues") or {}
        condition = (
            expressions.condition(asked["ConditionExpression"], names) if "ConditionExpression" in asked else None
        )
        update = expressions.update(asked["UpdateExpression"], names) if kind == "Update" else None
        _all_used(names, values, condition, update)
        holds = condition is None or condition.holds(item or {}, values)
        after: Item | None
        if kind == "Put":
            after = dict(asked["Item"])
        elif kind == "Delete":
            after = None
        elif update is None or not holds:
            after = item
        else:
            after = _updated(rows, update, item or asked["Key"], values)
        return (rows, key, after, rows.places(after, key) if after else None), item, holds

    def _transact_write_items(self, asked: Mapping[str, Any]) -> Any:
        actions = asked["TransactItems"]
        if not 0 < len(actions) <= _MOST_ACTIONS:
            raise Refusal("Member must have length less than or equal to 100 and greater than or equal to 1")
        planned = []
        for action in actions:
            ((kind, parameters),) = action.items()
            if kind not in ("Put", "Update", "Delete", "ConditionCheck"):
                raise UnknownCall(f"{kind} in a transaction")
            _known(kind, parameters)
            planned.append((parameters, *self._planned(kind, parameters)))
        if len({(id(change[0]), change[1]) for _, change, _, _ in planned}) < len(planned):
            raise Refusal("Transaction request cannot include multiple operations on one item")
        if not all(holds for _, _, _, holds in planned):
            codes = [None if holds else "ConditionalCheckFailed" for _, _, _, holds in planned]
            raise cancelled(
                codes, [item if not holds and _wants_item(each) else None for each, _, item, holds in planned]
            )
        for action, (_, change, _, _) in zip(actions, planned, strict=True):
            if "ConditionCheck" not in action:
                _apply(change)
        return {}

    # --- many

    def _query(self, asked: Mapping[str, Any]) -> Any:
        rows = self._rows(asked["TableName"])
        index = self._index(rows, asked)
        names, values = _names(asked), asked.get("ExpressionAttributeValues") or {}
        wanted = expressions.key_condition(asked["KeyConditionExpression"], names)
        chosen = expressions.condition(asked["FilterExpression"], names) if "FilterExpression" in asked else None
        _all_used(names, values, wanted, chosen)
        if chosen and not chosen.attributes.isdisjoint(index.key):
            raise Refusal("Filter Expression can only contain non-primary key attributes")
        page = rows.read(
            index,
            wanted,
            values,
            forward=asked.get("ScanIndexForward", True),
            start=asked.get("ExclusiveStartKey"),
            most=self._most(asked),
        )
        items = page.items if chosen is None else [item for item in page.items if chosen.holds(item, values)]
        return _page(items, len(page.items), page.behind)

    def _index(self, rows: Rows, asked: Mapping[str, Any]) -> Index:
        if "IndexName" not in asked:
            return rows.primary
        if asked["IndexName"] not in rows.indexes:
            raise Refusal(f"The table does not have the specified index: {asked['IndexName']}")
        if asked.get("ConsistentRead"):
            raise Refusal("Consistent reads are not supported on global secondary indexes")
        return rows.indexes[asked["IndexName"]]

    def _most(self, asked: Mapping[str, Any]) -> int | None:
        limits = [limit for limit in (asked.get("Limit"), self.page) if limit is not None]
        if limits and min(limits) < 1:
            raise Refusal("Limit must be at least 1")
        return min(limits, default=None)

    def _scan(self, asked: Mapping[str, Any]) -> Any:
        rows, most = self._rows(asked["TableName"]), self._most(asked)
        items = list(rows)
        if "ExclusiveStartKey" in asked:
            behind = rows.key_from(asked["ExclusiveStartKey"])
            items = [item for item in items if rows.key_of(item) > behind]
        shown = items[:most]
        full = most is not None and len(shown) == most
        return _page([dict(each) for each in shown], len(shown), rows.behind(rows.primary, shown[-1]) if full else None)

    def _batch_get_item(self, asked: Mapping[str, Any]) -> Any:
        answers: dict[str, list[dict[str, Value]]] = {}
        left: dict[str, dict[str, Any]] = {}
        if sum(len(each["Keys"]) for each in asked["RequestItems"].values()) > _MOST_KEYS:
            raise Refusal("Too many items requested for the BatchGetItem call")
        for table, wanted in asked["RequestItems"].items():
            _known("BatchGetItem of a table", wanted)
            rows, names = self._rows(table), _names(wanted)
            only = (
                expressions.projection(wanted["ProjectionExpression"], names)
                if "ProjectionExpression" in wanted
                else None
            )
            _all_used(names, {}, only)
            keys = [rows.key_from(key) for key in wanted["Keys"]]
            if len(set(keys)) < len(keys):
                raise Refusal("Provided list of item keys contains duplicates")
            found = [item for item in map(rows.get, keys[: self.page]) if item is not None]
            answers[table] = [
                dict(item) if only is None else {name: item[name] for name in only.attributes if name in item}
                for item in found
            ]
            if self.page is not None and len(keys) > self.page:
                left[table] = {**wanted, "Keys": list(wanted["Keys"][self.page :])}
        return {"Responses": answers, "UnprocessedKeys": left}


def _known(operation: str, parameters: Mapping[str, Any]) -> None:
    if not parameters.keys() <= _PARAMETERS[operation]:
        raise UnknownCall(f"{operation} with {set(parameters) - _PARAMETERS[operation]}")


def _names(asked: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    names = asked.get("ExpressionAttributeNames")
    return tuple(names.items()) if names else ()


def _all_used(names: tuple[tuple[str, str], ...], values: Values, *parsed: Any) -> None:
    """DynamoDB refuses a request that gives a placeholder which it does not use, or uses one that it does not give."""
    used = [each for each in parsed if each is not None]
    if spare := {name for name, _ in names}.difference(*(each.names for each in used)):
        raise Refusal(f"Value provided in ExpressionAttributeNames unused in expressions: keys: {spare}")
    wanted = frozenset().union(*(each.values for each in used))
    if wanted != values.keys():
        if spare := values.keys() - wanted:
            raise Refusal(f"Value provided in ExpressionAttributeValues unused in expressions: keys: {spare}")
        missing = wanted - values.keys()
        raise Refusal(f"An expression attribute value used in expression is not defined; attribute value: {missing}")


def _wants_item(asked: Mapping[str, Any]) -> bool:
    return asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _updated(rows: Rows, update: expressions.Update, item: Item, values: Values) -> Item:
    for name in update.written:
        if name in rows.key:
            raise Refusal(
                f"One or more parameter values were invalid: Cannot update attribute {name}. "
                "This attribute is part of the key"
            )
    return update.apply(item, values)


def _apply(change: Change) -> None:
    rows, key, after, places = change
    if after is None or places is None:
        rows.delete(key)
    else:
        rows.put(key, after, places)


def _page(items: list[dict[str, Value]], read: int, behind: Item | None) -> dict[str, Any]:
    return {"Items": items, "Count": len(items), "ScannedCount": read} | (
        {"LastEvaluatedKey": behind} if behind else {}
    )
