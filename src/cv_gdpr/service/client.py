"""The only access to the Training API: the official SDK client, paced, with retries, its answers kept as sent."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from azure.cognitiveservices.vision.customvision.training import CustomVisionTrainingClient
from msrest.exceptions import ClientException, HttpOperationError

from cv_gdpr import __version__
from cv_gdpr.archive.writing import HashedFile, Received, storing
from cv_gdpr.errors import (
    Forbidden,
    Interrupted,
    NoAnswer,
    NotFound,
    ServiceError,
    SignInFailed,
    Unreachable,
)
from cv_gdpr.masking import RUN, masked
from cv_gdpr.platforms.waiting import Event
from cv_gdpr.service.answers import VerbatimDeserializer, broke_off, proper_code, request_id, translate
from cv_gdpr.service.bodies import Body
from cv_gdpr.service.call_log import CALLS, Sent
from cv_gdpr.service.causes import KEY_CHANGED, hint_to_wait, hint_with_token, moment
from cv_gdpr.service.clouds import Cloud
from cv_gdpr.service.deadlines import pace_of
from cv_gdpr.service.endpoint import checked_endpoint, checked_key
from cv_gdpr.service.environment import authorities, proxy_for
from cv_gdpr.service.pacing import Budget, Patience
from cv_gdpr.service.paging import PAGE
from cv_gdpr.service.session import configured, parts
from cv_gdpr.service.signin import KeySignIn, NoSignIn, SignIn, with_entra
from cv_gdpr.watching import Call, waiting_for

LOG = logging.getLogger("cv_gdpr")  # retries; shown with -v
_AT_ONCE = 8  # calls in the background, spaced by the budget
_TO_CONNECT = 15.0  # seconds
_AS_STORED = {"Accept-Encoding": "identity"}
_MESSAGE_MOST = 600  # characters of a message
_HOLD_ALL = frozenset({403, 429})  # a rate or a quota is used up: other calls would be refused, too
_API = "3.4-preview"  # of the SDK
_ACCOUNT = "GetAccountInfo"
_OLDER = "3.3"  # the version of the API before the one that the SDK speaks
_BEFORE_ASKING_AGAIN = 1.0  # seconds after a refusal that may be a slip of the service


@dataclass(frozen=True)
class Connection:
    """Where the service is and how to call it; `calls_per_second` of 0: no limit.

    `patience` is how many seconds a failing call is retried, `silence` how many seconds an answer may send nothing.
    `entra`: sign in with Microsoft Entra ID in this cloud, and leave the key alone.
    """

    endpoint: str
    training_key: str
    calls_per_second: float = 10.0
    patience: float = 120.0
    silence: float = 60.0
    entra: Cloud | None = None
    unsigned: bool = False  # for Resource Manager alone: nothing is asked of the training API

    def __repr__(self) -> str:
        return f"Connection({self.endpoint!r})"


@dataclass(frozen=True)
class Answer:
    """A success: its JSON (None for an empty body), HTTP status and headers."""

    body: Any
    raw: requests.Response

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.raw.status_code

    @property
    def request_id(self) -> str:
        """The request id, looked at on use: searching it for credentials takes as long as a small call."""
        return request_id(self.raw)

    @property
    def date(self) -> str:
        """The Date header."""
        return self.raw.headers.get("Date", "")


@dataclass(frozen=True)
class Pages:
    """A listing of the service, read in pages of at most 256."""

    page: Callable[[int, int], list[Any]]
    background: ThreadPoolExecutor

    def soon(self, skip: int) -> Future[list[Any]]:
        """Request, in the background, the page that begins at that place."""
        return self.background.submit(self.page, skip, PAGE)


class Service:
    """One Custom Vision resource; a context manager, safe to use from several threads."""

    def __init__(self, connection: Connection) -> None:
        self.endpoint = checked_endpoint(connection.endpoint)
        self.sign_in = _sign_in(connection, self.endpoint)
        self._connection = connection
        self._budget = Budget(connection.calls_per_second)
        self._answered = False
        self._good_calls = 0
        self._refused_since = ""  # when the key was first refused after good calls
        self._down_since: float | None = None  # when calls began to fail
        self._count_lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.stop = Event()
        self._client = self._new_client()
        self._background = ThreadPoolExecutor(_AT_ONCE, "pages")

    @property
    def has_key(self) -> bool:
        """Whether calls are signed with a training key."""
        return isinstance(self.sign_in, KeySignIn)

    def _new_client(self) -> CustomVisionTrainingClient:
        client = CustomVisionTrainingClient(self.endpoint, self.sign_in.authentication())
        client._deserialize = VerbatimDeserializer()
        config = client.config
        config.session_configuration_callback = configured
        # The proxy and the certificates come from the environment and are looked up once.
        config.proxies.use_env_settings = False  # it would look them up, and read ~/.netrc, for each call
        if proxy := proxy_for(self.endpoint):
            config.proxies.add(urlsplit(self.endpoint).scheme, proxy)
        config.connection.verify = authorities()
        config.redirect_policy.allow = False  # requests strips Authorization at a redirect, but not Training-Key
        silence = self._connection.silence
        config.connection.timeout = (min(_TO_CONNECT, silence), silence)
        config.add_user_agent(f"cv-gdpr/{__version__}")
        return client

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._background.shutdown(wait=False, cancel_futures=True)
        self._client.__exit__(*exc)

    def call(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Call an operation by its SDK name and return its JSON as sent; raise ServiceError."""
        return self.ask(operation, *args, **kwargs).body

    def ask(self, operation: str, *args: Any, **kwargs: Any) -> Answer:
        """Call an operation by its SDK name and return the whole Answer; raise ServiceError."""
        method = getattr(self._client, operation)
        try:
            return self._with_retries(published_name(operation), lambda: self._sent(method, *args, **kwargs))
        except NotFound as error:
            if self._good_calls or error.code.startswith("NotFound") or not self._serves_older_version():
                raise
            raise self._too_old(error) from None

    @staticmethod
    def _sent(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Answer:
        raw = method(*args, raw=True, **kwargs)
        return Answer(raw.output, raw.response)

    @property
    def was_good(self) -> bool:
        """Whether the service answered a call of this run as the contract says."""
        return self._good_calls > 0

    def account_info(self) -> Any:
        """Return GetAccountInfo's JSON (API v1.2, the last with it)."""
        return self._with_retries(_ACCOUNT, lambda: self._get("v1.2/Training/account", "object")).body

    def _get(self, path: str, kind: str) -> Answer:
        """Return the answer of another version of the API, through the SDK client's own pipeline."""
        pipeline = self._client._client
        response: requests.Response = pipeline.send(pipeline.get(f"{self.endpoint}/customvision/{path}"), stream=False)
        if response.status_code != 200:
            raise HttpOperationError(VerbatimDeserializer(), response)
        return Answer(VerbatimDeserializer()(kind, response), response)

    def _serves_older_version(self) -> bool:
        """Return whether the endpoint answers an older version of the API, although it does not know this one."""
        try:
            self._once("GetProjects", lambda: self._get(f"v{_OLDER}/training/projects", "[Project]"))
        except ServiceError:
            return False
        return True

    @staticmethod
    def _too_old(error: ServiceError) -> Unreachable:
        return Unreachable(
            f"{error.message}; the endpoint serves version {_OLDER} of the API, but not version {_API}",
            f"cv-gdpr needs version {_API}: probably the resource's region or cloud does not serve it yet",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
        )

    def paged(self, operation: str, *args: Any, **kwargs: Any) -> "Pages":
        """Return the pages of an operation that has the parameters `take` and `skip`."""
        return Pages(lambda skip, take: self.call(operation, *args, take=take, skip=skip, **kwargs), self._background)

    def artifact(self, project_id: str, path: str, temporary: Callable[[], str], most: int) -> Received:
        """Return at most `most` bytes of a relative artifact path (VNET feature); raise ServiceError."""
        doubted: set[str] = set()

        def send() -> Answer:
            raw = self._client.get_artifact(project_id, path, raw=True, custom_headers=dict(_AS_STORED))
            with raw.response as response:
                file = _received(response, temporary, most, doubted)
            return Answer(file, response)

        file: Received = self._with_retries("GetArtifact", send).body
        return file

    def _with_retries(self, name: str, send: Callable[[], Answer]) -> Answer:
        with waiting_for(name) as call:
            return self._tried_until_good(name, send, call)

    def _tried_until_good(self, name: str, send: Callable[[], Answer], call: Call) -> Answer:
        patience = Patience(self._connection.patience)
        lost = refused = False
        good: int | None = None  # calls that were good when this one first failed
        while True:
            try:
                answer = self._once(name, send)
            except ServiceError as error:
                good = self._good_calls if good is None else good
                error.lost, lost = lost, lost or error.unclear
                refused = self._may_be_a_slip(name, error, refused=refused) or refused
                wait = self._next_wait(patience, error)
                if wait is None:
                    raise self._with_hint(self._of_one_call(name, error, good)) from None
                LOG.info("%s; retried in %.1f s", error.message, wait)
                call.again(error.status)
                if error.status in _HOLD_ALL:
                    self._budget.hold(wait)
                self.stop.wait(wait)
            else:
                self._down_since = None
                return answer

    def _of_one_call(self, name: str, error: ServiceError, good: int) -> ServiceError:
        """Return NoAnswer for a call that is unreachable while the service answers others; other errors unchanged.

        `good`: how many calls were good when this one first failed. If none was since, one more call decides.
        """
        if not isinstance(error, Unreachable) or not self._good_calls:
            return error
        if self._good_calls == good and not self._answers():
            return error
        LOG.info("%s: given up; the service answers other calls", name)
        hint = "the service answers other calls: run the command again, or check what is on the way to it"
        alone = NoAnswer(error.message, hint, status=error.status, code=error.code, request_id=error.request_id)
        alone.unclear, alone.lost, alone.dropped = error.unclear, error.lost, error.dropped
        return alone

    def _answers(self) -> bool:
        """Return whether the service answers a call that depends on no data."""
        try:
            self._once("GetDomains", lambda: self._sent(self._client.get_domains))
        except ServiceError as error:
            return not isinstance(error, Unreachable)
        return True

    def _next_wait(self, patience: Patience, error: ServiceError) -> float | None:
        """Return the seconds until the next try, or None to give up.

        While every call fails, all calls share one patience: a new one for each call would add up to hours.
        """
        if not self._worth_another_try(error):
            self._down_since = None if error.status else self._down_since
            return None
        now = time.monotonic()
        if error.status != 429:
            self._down_since = self._down_since or now
        if self._down_since and now - self._down_since > self._connection.patience:
            return None
        return patience.next_wait(error.retry_after)

    def _may_be_a_slip(self, name: str, error: ServiceError, *, refused: bool) -> bool:
        """Return whether a key that was good until now is refused for the first time: the call is sent once more."""
        if error.status != 401 or not self._good_calls or name == _ACCOUNT or isinstance(error, Forbidden):
            return False
        self.sign_in.refused()
        with self._count_lock:
            self._refused_since = self._refused_since or moment(time.time())
        error.transient = not refused
        error.retry_after = None if refused else _BEFORE_ASKING_AGAIN
        return not refused

    def _with_hint(self, error: ServiceError) -> ServiceError:
        if error.status == 401 and self._refused_since and not isinstance(error, Forbidden):
            error.transient = False
            error.message += f"; refused since {self._refused_since}, after {self._good_calls} good calls"
            error.hint = KEY_CHANGED
        elif error.transient and (self._answered or error.status):
            error.hint = hint_to_wait(error.status, error.retry_after)
        if self._connection.entra:
            error.hint = hint_with_token(error.hint)
        return error

    def _worth_another_try(self, error: ServiceError) -> bool:
        """Return whether a retry may help: never for an endpoint that was wrong from the start."""
        return error.transient and (self._answered or not isinstance(error, Unreachable))

    def _once(self, name: str, send: Callable[[], Answer]) -> Answer:
        """Return the answer of one try, which --log-file records; raise ServiceError."""
        sent = Sent(name)
        try:
            answer = self._tried(name, send, sent)
        except ServiceError as error:
            sent.ends(error.status, error.request_id, error.code)
            raise
        if CALLS.handlers:
            sent.ends(answer.status, answer.request_id)
        return answer

    def _tried(self, name: str, send: Callable[[], Answer], sent: Sent) -> Answer:
        try:
            with self._budget.turn(name, self.stop):
                self._begin(name)
                sent.begins()
                answer = send()
        except (ClientException, requests.RequestException) as error:
            failure = translate(error)
            inner = getattr(error, "inner_exception", None)
            cause = inner if isinstance(inner, BaseException) else error  # of a refused call it is the answer
            broken = broke_off(cause)
            failure.dropped = not failure.status and broken and not isinstance(cause, requests.ReadTimeout)
            damaged = isinstance(cause, requests.exceptions.ContentDecodingError)
            failure.unclear = failure.status >= 500 or failure.status == 408 or broken or damaged
            self._answered = self._answered or bool(failure.status) or failure.unclear
            raise self._cleaned(name, failure) from None
        except SignInFailed:  # nothing was sent
            raise
        except ServiceError as error:  # a success with an unreadable body
            self._answered = True
            raise self._cleaned(name, error) from None
        except ValueError as error:  # the SDK or requests could not send it
            raise ServiceError(f"{name}: cannot be sent ({type(error).__name__})") from None
        self._answered = True
        with self._count_lock:
            self._good_calls += 1
            self._refused_since = ""
        return answer

    def _begin(self, name: str) -> None:
        """Count a call before it is sent; raise Interrupted if the run is being stopped."""
        if self.stop.is_set():
            raise Interrupted("interrupted")
        with self._count_lock:
            self.calls[name] += 1

    @staticmethod
    def _cleaned(name: str, failure: ServiceError) -> ServiceError:
        """Return a failure with its operation's name, shortened, without credentials."""
        failure.message = masked(f"{name}: {failure.message}")[:_MESSAGE_MOST]
        failure.code = proper_code(failure.code)
        return failure


def _sign_in(connection: Connection, endpoint: str) -> SignIn:
    if connection.entra:
        return with_entra(connection.entra, endpoint)
    if connection.unsigned:
        return NoSignIn()
    key = checked_key(connection.training_key)
    RUN.know_key(key)
    return KeySignIn(key)


def _received(response: requests.Response, temporary: Callable[[], str], most: int, doubted: set[str]) -> Received:
    with storing("the export folder"):
        file = HashedFile(temporary())
    try:
        body = Body("the service", file, lambda name: response.headers.get(name, ""), pace_of(response), most, doubted)
        for chunk in parts(response, unpacked=False):  # outside `storing`: a RequestException is an OSError too
            with storing("the export folder"):
                body.take(chunk)
        return body.received()
    except BaseException:
        file.discard()
        raise


def published_name(operation: str) -> str:
    """Return Microsoft's name (GetTaggedImages) of an operation for its SDK name (get_tagged_images)."""
    return "".join(word.title() for word in operation.split("_"))
