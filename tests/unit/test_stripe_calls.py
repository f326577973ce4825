"""One call to Stripe: what each error proves, how often it is tried, and that the weakest proof of all tries wins."""

from __future__ import annotations

import importlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from holdfast.budget import LAST_TRY_SECONDS, STRIPE_CALL_SECONDS, Budget
from holdfast.call_failures import CallFailed, CallRefused, CardRefused, NothingExecuted, OutcomeUnknown
from holdfast.stripe_calls import MAX_TRIES, call
from holdfast.stripe_gateway import client
from local.stripe_simulator.in_process import InProcessHTTPClient
from local.stripe_simulator.simulator import Simulator
from tests.unit.builders import decline


@dataclass
class Time:
    """Monotonic time that passes when somebody sleeps, or when a call takes so long."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def budget(self, seconds: float = 25.0) -> Budget:
        return Budget(seconds, monotonic=lambda: self.now, sleep=self.sleep)


@dataclass
class Answers:
    """Stripe's answers, one per try; after the last one it works."""

    errors: list[Exception]
    time: Time = field(default_factory=Time)
    takes: float = 0.0
    tries: int = 0

    def __call__(self) -> str:
        self.tries += 1
        self.time.now += self.takes
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def refused(error: stripe.CardError) -> CardRefused:
    return CardRefused(decline(str(error.code)), None)


def ask(answers: Answers, **budget: float) -> str:
    return call(answers, budget=answers.time.budget(**budget), declined=refused, jitter=lambda low, high: high)


def outcome(*errors: Exception) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - what it is, is the question
        ask(Answers(list(errors)))
    return caught.value


class NewConnectionError(Exception):
    """Named like urllib3's: the connection was never opened."""


def never_sent() -> stripe.APIConnectionError:
    error = stripe.APIConnectionError("no connection")
    error.__cause__ = NewConnectionError()
    return error


def silence() -> stripe.APIConnectionError:
    return stripe.APIConnectionError("read timed out")


def limited() -> stripe.RateLimitError:
    return stripe.RateLimitError("slow down", http_status=429)


def failing(status: int = 500, **headers: str) -> stripe.APIError:
    return stripe.APIError("an error occurred", http_status=status, headers=headers)


def in_use() -> stripe.APIError:
    return stripe.APIError("idempotency_key_in_use", http_status=409)


def replayed() -> stripe.APIError:
    return failing(500, **{"Idempotent-Replayed": "true"})


def no(code: str | None = "parameter_invalid_integer") -> stripe.InvalidRequestError:
    return stripe.InvalidRequestError("Stripe will never do this", "amount", code, http_status=400)


# --- every error of the SDK -------------------------------------------------------------------------------------------


def below(kind: type[stripe.StripeError]) -> Iterator[type[stripe.StripeError]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


# What each of the SDK's errors proves about a single try. Of another API than ours, or our own bug: it propagates.
PROVES: dict[str, type[CallFailed] | None] = {
    "APIConnectionError": OutcomeUnknown,
    "APIError": OutcomeUnknown,
    "AlreadyCanceledError": None,
    "AuthenticationError": None,
    "BlockedByStripeError": None,
    "CannotProceedError": None,
    "CapabilityNotEnabledError": None,
    "CardError": CardRefused,
    "ControlledByAlternateResourceError": None,
    "FeatureNotEnabledError": None,
    "FinancialAccountNotOpenError": None,
    "FxQuoteNeedsRefreshError": None,
    "IdempotencyError": None,
    "InsufficientFundsError": None,
    "InvalidPaymentMethodError": None,
    "InvalidPayoutMethodError": None,
    "InvalidRequestError": CallRefused,
    "InvalidVaultedCredentialError": None,
    "NotCancelableError": None,
    "OAuth InvalidClientError": None,
    "OAuth InvalidGrantError": None,
    "OAuth InvalidRequestError": None,
    "OAuth InvalidScopeError": None,
    "OAuth OAuthError": None,
    "OAuth UnsupportedGrantTypeError": None,
    "OAuth UnsupportedResponseTypeError": None,
    "PermissionError": None,
    "QuotaExceededError": None,
    "RateLimitError": NothingExecuted,
    "RecipientNotNotifiableError": None,
    "SignatureVerificationError": None,
    "StripeErrorWithParamCode": None,
    "TemporarySessionExpiredError": None,
    "VerificationAttemptFailedError": None,
    "VerificationExpiredError": None,
    "VerificationNotInitiatedError": None,
}
# The errors of OAuth are loaded when somebody first asks for them, and one of them has the name of another.
OAUTH_ERROR = importlib.import_module("stripe.oauth_error").OAuthError


def named(kind: type[stripe.StripeError]) -> str:
    return f"OAuth {kind.__name__}" if issubclass(kind, OAUTH_ERROR) else kind.__name__


EVERY_ERROR = {named(kind): kind for kind in below(stripe.StripeError)}


def made(kind: type[stripe.StripeError]) -> stripe.StripeError:
    if issubclass(kind, stripe.InvalidRequestError | stripe.CardError):
        return kind("x", "param", "code")
    if issubclass(kind, OAUTH_ERROR):
        return kind("code", "description")
    if issubclass(kind, stripe.SignatureVerificationError):
        return kind("x", "header")
    return kind("x")


def test_every_error_of_the_sdk_is_classified():
    assert set(EVERY_ERROR) == set(PROVES)


@pytest.mark.parametrize("name", sorted(EVERY_ERROR))
def test_what_an_error_proves(name):
    kind, proves = EVERY_ERROR[name], PROVES[name]

    ended = outcome(*[made(kind) for _ in range(MAX_TRIES)])

    assert type(ended) is (proves or kind)


@pytest.mark.parametrize(
    "ours",
    [
        stripe.AuthenticationError("no such key", http_status=401),
        stripe.PermissionError("restricted key", http_status=403),
        stripe.IdempotencyError("other parameters", http_status=400),
        KeyError("a bug"),
    ],
)
def test_our_own_bugs_are_loud_and_not_repeated(ours):
    answers = Answers([ours])

    with pytest.raises(type(ours)):
        ask(answers)

    assert answers.tries == 1


# --- one try ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{"Idempotent-Replayed": "true"}, {"idempotent-replayed": "true"}])
def test_a_stored_error_that_is_replayed_ends_it_because_it_would_come_for_ever(headers):
    answers = Answers([failing(500, **headers)] * MAX_TRIES)

    with pytest.raises(OutcomeUnknown) as caught:
        ask(answers)

    assert caught.value.answered
    assert answers.tries == 1


@pytest.mark.parametrize("error", [no(), no(None)])
def test_a_definite_no_ends_it(error):
    answers = Answers([error] * MAX_TRIES)

    with pytest.raises(CallRefused) as caught:
        ask(answers)

    assert answers.tries == 1
    assert caught.value.code == (error.code or "invalid_request")
    assert (caught.value.param, caught.value.status) == ("amount", 400)
    assert caught.value.__cause__ is error


def test_a_refused_card_ends_it():
    answers = Answers([stripe.CardError("no", "", "card_declined")] * MAX_TRIES)

    with pytest.raises(CardRefused) as caught:
        ask(answers)

    assert (answers.tries, caught.value.decline.code) == (1, "card_declined")


@pytest.mark.parametrize(
    ("error", "answered"),
    [
        (failing(500), True),
        (failing(503), True),
        (in_use(), False),
        (silence(), False),
        (stripe.APIError("Invalid response body from API", b"<html>", 200), True),
    ],
)
def test_an_unknown_outcome_says_whether_the_call_is_over(error, answered):
    ended = outcome(*[error] * MAX_TRIES)

    assert isinstance(ended, OutcomeUnknown)
    assert ended.answered is answered


def test_what_else_was_going_wrong_proves_nothing():
    class ConnectTimeoutError(Exception):
        """Another client's, of a table, say."""

    def effect() -> str:
        try:
            raise ConnectTimeoutError
        except ConnectTimeoutError:
            raise silence()  # noqa: B904 - the context without a cause is what this is about

    with pytest.raises(OutcomeUnknown):
        call(effect, budget=Time().budget(), declined=refused)


# --- several tries ----------------------------------------------------------------------------------------------------

# From the strongest proof to the weakest.
NOTHING, OVER, RUNNING = "nothing happened", "it is over", "it may be running"
TRIES: list[tuple[Callable[[], Exception], str]] = [
    (limited, NOTHING),
    (never_sent, NOTHING),
    (failing, OVER),
    (silence, RUNNING),
    (in_use, RUNNING),
]


@pytest.mark.parametrize("length", range(1, MAX_TRIES + 1))
def test_the_weakest_proof_of_all_tries_wins(length):
    for tries in itertools.product(TRIES, repeat=length):
        weakest = max((proof for _, proof in tries), key=[NOTHING, OVER, RUNNING].index)
        time = Time()
        answers = Answers([make() for make, _ in tries], time, takes=(LAST_TRY_SECONDS + 1) / length)

        with pytest.raises(CallFailed) as caught:
            call(answers, budget=time.budget(), declined=refused, jitter=lambda low, high: 0.0)

        proved = caught.value
        assert answers.tries == length
        assert isinstance(proved, NothingExecuted) is (weakest is NOTHING), tries
        assert (isinstance(proved, OutcomeUnknown) and proved.answered) is (weakest is OVER), tries


@pytest.mark.parametrize("failures", range(MAX_TRIES))
@pytest.mark.parametrize("error", [limited, never_sent, failing, silence, in_use])
def test_a_try_that_works_is_the_result_whatever_failed_before(error, failures):
    answers = Answers([error() for _ in range(failures)])

    assert ask(answers) == "done"
    assert answers.tries == failures + 1


def test_there_are_four_tries_at_most():
    answers = Answers([silence() for _ in range(MAX_TRIES)])

    with pytest.raises(OutcomeUnknown):
        ask(answers)

    assert answers.tries == MAX_TRIES == 4


def test_the_pauses_double_from_half_a_second():
    answers = Answers([limited() for _ in range(MAX_TRIES)])

    with pytest.raises(NothingExecuted):
        ask(answers)

    assert answers.time.slept == [0.5, 1.0, 2.0]


@given(st.floats(0.0, 1.0))
def test_the_jitter_is_full_from_nothing_to_the_whole_pause(share):
    asked, time = [], Time()

    def jitter(low: float, high: float) -> float:
        asked.append((low, high))
        return low + share * (high - low)

    with pytest.raises(NothingExecuted):
        call(Answers([limited() for _ in range(MAX_TRIES)]), budget=time.budget(), declined=refused, jitter=jitter)

    assert asked == [(0.0, 0.5), (0.0, 1.0), (0.0, 2.0)]
    assert time.slept == [share * high for _, high in asked if share * high]


# --- the budget -------------------------------------------------------------------------------------------------------


@given(st.floats(0.0, 30.0), st.floats(0.0, STRIPE_CALL_SECONDS), st.sampled_from([25.0, 10.0, 150.0]))
def test_no_try_begins_too_late_to_end_in_time(spent, takes, seconds):
    time = Time()
    budget = time.budget(seconds)
    begun_at: list[float] = []

    def effect() -> str:
        begun_at.append(time.now)
        time.now += takes
        raise silence()

    time.now += spent
    with pytest.raises(CallFailed) as caught:
        call(effect, budget=budget, declined=refused, jitter=lambda low, high: high)

    latest = min(LAST_TRY_SECONDS, seconds - STRIPE_CALL_SECONDS)
    assert all(moment <= latest for moment in begun_at)
    assert bool(begun_at) is (spent <= latest)
    assert isinstance(caught.value, OutcomeUnknown if begun_at else NothingExecuted)


def test_where_no_time_is_left_nothing_is_sent_and_nothing_slept():
    answers = Answers([])

    with pytest.raises(NothingExecuted):
        ask(answers, seconds=STRIPE_CALL_SECONDS - 0.1)

    assert (answers.tries, answers.time.slept) == (0, [])


# --- with the SDK on real sockets -------------------------------------------------------------------------------------


@contextmanager
def server(answer: bytes | None) -> Iterator[int]:
    """Accepts one connection, reads, and answers so much (None: nothing, until the test is over)."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                if answer is None:
                    over.wait(5)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join()


def over_the_wire(port: int) -> BaseException:
    client = stripe.StripeClient(
        "sk_test_x",
        http_client=stripe.RequestsClient(timeout=0.2),
        base_addresses={"api": f"http://127.0.0.1:{port}"},
        max_network_retries=0,
    )
    time = Time(now=LAST_TRY_SECONDS)
    budget = Budget(25.0, monotonic=lambda: time.now, sleep=time.sleep, started=0.0)

    def effect() -> object:
        time.now += 1  # so that there is one try
        return client.v1.payment_intents.retrieve("pi_1")

    with pytest.raises(CallFailed) as caught:
        call(effect, budget=budget, declined=refused)
    return caught.value


def test_a_connection_that_is_refused_was_never_sent():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert isinstance(over_the_wire(port), NothingExecuted)


def http(status: str, body: bytes, *, length: int | None = None) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "answered"),
    [
        (None, False),
        (b"", False),
        (http("200 OK", b"{", length=100), False),
        (http("200 OK", b"<html>"), True),
        (http("502 Bad Gateway", b"<html>"), True),
        (http("500 Oops", b'{"error": {"type": "api_error"}}'), True),
        (http("409 Conflict", b'{"error": {"code": "idempotency_key_in_use"}}'), False),
    ],
    ids=["silence", "hung up", "cut off", "garbled", "bad gateway", "500", "409"],
)
def test_whatever_was_sent_and_not_understood_is_unknown(answer, answered):
    with server(answer) as port:
        ended = over_the_wire(port)

    assert isinstance(ended, OutcomeUnknown)
    assert ended.answered is answered


def test_the_sdk_leaves_nothing_in_the_home_folder(tmp_path, monkeypatch):
    """Lambda's cannot be written to, and on a laptop nobody asked for it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("stripe._telemetry_id._loaded", False)
    monkeypatch.setattr("stripe._telemetry_id._cached_id", None)
    monkeypatch.setattr(stripe, "enable_telemetry", True)  # as the SDK comes
    simulator = Simulator()

    client("sk_test_home", http_client=InProcessHTTPClient(simulator)).v1.customers.create()
    simulator.close()

    assert list(tmp_path.iterdir()) == []
