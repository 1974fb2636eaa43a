"""What to do about a refused call, by its cause: each cause is known by the service's code or words.

Custom Vision has published no list of its gateway's answers, and no refusal of it is recorded. The words here were
reported for other services behind the same gateway (Cognitive Services, Azure API Management), so a hint says
"probably" where the cause itself is a guess. The service's own words are in the message, never here.
"""

import math
import re
import time
from typing import NamedTuple

from cv_gdpr.patterns import pattern

CHECK_ENDPOINT = "check the endpoint: the Azure portal shows it on the training resource"
CHECK_KEY = "check the endpoint and that the key is the training resource's own (not the prediction resource's)"
_LONG = 600  # seconds: beyond that, a moment says more than a number of seconds
_NETWORKING = "in the Azure portal, the training resource's Networking page"
_NO_PERMISSION = (
    "the key is known, but not allowed to do this: probably a network rule, a lock or a policy of the resource"
)
_KEY_LOST = (
    "probably the key did not arrive: check whether a proxy or gateway on the way removes the header Training-Key"
)
KEY_CHANGED = (
    "probably the key was regenerated meanwhile, or the resource or its subscription was disabled: check the key"
)
# Built-in roles with data actions of Custom Vision (Microsoft's page on its role-based access control).
_ROLES = (
    "the identity needs a role on the training resource: Cognitive Services Custom Vision Reader to export, "
    "Cognitive Services Custom Vision Deployment to delete predictions, "
    "Cognitive Services Custom Vision Contributor to delete the rest"
)
_ANSWERED_ON_THE_WAY = "probably a proxy or firewall on the way answered, not the service, which answers in JSON"


KEYS_OFF = "disableLocalAuth"
"""In the message of the 400 with which Resource Manager refuses to list keys that are switched off."""


class Refusal(NamedTuple):
    """A refused call: its status, its code, and the words of a gateway.

    The service's own words are left out. They quote what users wrote: a project may be called "Virtual network".
    """

    status: int
    code: str
    words: str


class Cause(NamedTuple):
    """A cause of a refused call: its statuses, its codes, how a gateway's words begin, and what to do.

    `everywhere`: every other call is refused, too.
    """

    statuses: frozenset[int]
    codes: frozenset[str]
    words: re.Pattern[str] | None
    hint: str
    everywhere: bool = False

    def explains(self, refusal: Refusal) -> bool:
        """Return whether this is the cause of a refusal."""
        told = refusal.code in self.codes or bool(self.words and self.words.match(refusal.words))
        return told and refusal.status in self.statuses


_REFUSED = frozenset({401, 403})


def _of_all(words: str, hint: str, *codes: str) -> Cause:
    return Cause(_REFUSED, frozenset(codes), pattern(words, re.IGNORECASE), hint, everywhere=True)


def _by_code(code: str, hint: str) -> Cause:
    return Cause(frozenset({400, 403}), frozenset({code}), None, hint)


CAUSES = (
    # 403 {"error":{"code":"AuthenticationTypeDisabled","message":"Key based authentication is disabled for this
    # resource."}} (Azure-Samples/azure-search-openai-demo issue 1617)
    _of_all(
        "key based authentication is (disabled|not permitted)",
        "keys are switched off for this resource (disableLocalAuth): it accepts only sign-in with Microsoft Entra ID, "
        "--auth entra",
        "AuthenticationTypeDisabled",
    ),
    # 403 {"error":{"code":"403","message":"Access denied due to Virtual Network/Firewall rules."}}
    # (Azure-Samples/azure-sql-db-chatbot issue 3)
    _of_all(
        "access denied due to virtual network",
        f"allow the public address of this machine ({_NETWORKING}, Firewall), or run this inside an allowed network",
    ),
    # 403 {"error":{"code":"403","message":"Public access is disabled. Please configure private endpoint."}}
    # (Azure OpenAI with publicNetworkAccess Disabled; reported by many)
    _of_all(
        "public (network )?access is disabled",
        f"run this inside the network of the resource's private endpoint, or allow public access ({_NETWORKING})",
    ),
    # 401 {"error":{"code":"PermissionDenied","message":"Principal does not have access to API/Operation."}}
    # (azure-sdk-for-net issue 12814); "The principal `…` lacks the required data action `…` to perform `…` operation."
    Cause(
        _REFUSED,
        frozenset({"PermissionDenied"}),
        pattern("(the )?principal .{0,200}(does not have access to API|lacks the required data action)", re.I),
        _ROLES,
    ),
    # 401 {"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint. Make
    # sure to provide a valid key for an active subscription and use a correct regional API endpoint for your
    # resource."}} (microsoft/c9-python-getting-started issue 79)
    _of_all("access denied due to (invalid|missing) subscription key|invalid (subscription )?key", CHECK_KEY),
    # 401 {"statusCode":401,"message":"Unauthorized. Access token is missing, invalid, audience is incorrect
    # (https://cognitiveservices.azure.com), or have expired."} (azure-sdk-for-python issue 33094)
    _of_all(r"(unauthorized\. )?access token is missing", _KEY_LOST),
    # 400 {"error":{"code":"BadRequest","message":"Please provide a custom subdomain for token authentication, otherwise
    # API key is required."}} (Azure AI services with a regional endpoint; reported by many)
    Cause(
        frozenset({400, 401}),
        frozenset(),
        pattern("please provide a custom subdomain for token authentication", re.IGNORECASE),
        "use the resource's own endpoint, https://NAME.cognitiveservices.azure.com, not the one of its region",
        everywhere=True,
    ),
    # Codes of the published contract v3.4-preview; what ends the state is Microsoft's prose.
    _by_code("ForbiddenDRModeEnabled", "the project is read-only (disaster recovery mode): end that mode first"),
    _by_code(
        "BadRequestCustomerManagedKeyRevoked",
        "probably the resource's own key in Azure Key Vault was revoked or is out of its reach: give it access again",
    ),
)
_WITH_TOKEN = {  # what to do where a token was sent instead of a key
    CHECK_KEY: "check that the endpoint belongs to the resource, and --cloud",
    _KEY_LOST: "probably the resource is in another cloud (--cloud) or another tenant than the identity that signed in",
    _NO_PERMISSION: f"{_ROLES}; a new role takes some minutes. Or a network rule or a policy refuses it",
    KEY_CHANGED: "probably the role was taken from the identity, or the resource was disabled",
}
# 403 {"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 5.03:23:11."}, with a
# Retry-After in seconds (the quota policy of Azure API Management; MicrosoftDocs/azure-docs issue 16282)
_QUOTA = pattern(
    "out of (call volume|bandwidth) quota|quota will be replenished|quota (has been |is |was )?exceeded", re.IGNORECASE
)


def hint_with_token(hint: str | None) -> str | None:
    """Return what to do about a refused call to which a token of Microsoft Entra ID was added."""
    return _WITH_TOKEN.get(hint or "", hint)


def is_quota(refusal: Refusal) -> bool:
    """Return whether an answer says that a quota of calls is used up: the service answers again once it is renewed."""
    return refusal.status == 403 and bool(_QUOTA.match(refusal.words))


def hint_for(refusal: Refusal, *, page: bool) -> str | None:
    """Return what to do about a refused call, or None; `page`: an HTML page was answered."""
    if cause := _cause_of(refusal):
        return cause.hint
    if refusal.status in _REFUSED and page:
        return _ANSWERED_ON_THE_WAY
    return {401: CHECK_KEY, 403: _NO_PERMISSION}.get(refusal.status)


def concerns_every_call(refusal: Refusal) -> bool:
    """Return whether a refusal has a cause that refuses all other calls too: the key, the network, the quota.

    A role that lacks is of one operation, although the service answers it with 401.
    """
    if cause := _cause_of(refusal):
        return cause.everywhere
    return refusal.status == 401 or is_quota(refusal)


def _cause_of(refusal: Refusal) -> Cause | None:
    return next((cause for cause in CAUSES if cause.explains(refusal)), None)


def moment_in(seconds: float) -> str:
    """Return the moment in that many seconds, rounded up to the next minute, as 2020-06-07 16:51 UTC."""
    return moment(math.ceil((time.time() + seconds) / 60) * 60)


def moment(when: float) -> str:
    """Return a Unix time as 2020-06-07 16:50 UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))


def hint_to_wait(status: int, seconds: float | None) -> str:
    """Return what to do about an answer that may be another one later; `seconds`: how long the service asks to wait.

    A 403 may only be another one later where a quota of calls is used up.
    """
    if status == 403:
        until, then = (f" until {moment_in(seconds)}", "then") if seconds else ("", "when it is renewed")
        return f"the quota of calls is used up{until}: run the command again {then}, or choose a higher pricing tier"
    if seconds and seconds > _LONG:
        return f"it asks to wait until {moment_in(seconds)}: run the command again then"
    asked = f" (it asks for {seconds:.0f} s)" if seconds else ""
    slower = ", --calls-per-second asks less often" if status == 429 else ""
    return f"it may answer later{asked}; --patience retries for longer{slower}"
