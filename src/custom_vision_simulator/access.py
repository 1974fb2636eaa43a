"""Who may call the Training API: the keys, the tokens of Microsoft Entra ID and the roles behind them."""

from __future__ import annotations

from collections.abc import Mapping

from custom_vision_simulator.accounts import Accounts
from custom_vision_simulator.answers import DENIED, Answer, gateway_error, json_answer
from custom_vision_simulator.identity import Tokens
from custom_vision_simulator.records import Options
from custom_vision_simulator.routes import ROUTES

# The clouds' names of the service; a token may end its audience with a slash.
AUDIENCES = frozenset(f"https://cognitiveservices.azure.{cloud}" for cloud in ("com", "us", "cn"))
UNAUTHORISED = (
    "Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or "
    "have expired."
)
NO_ROLE = "Principal does not have access to API/Operation."
NO_KEYS = "Key based authentication is disabled for this resource."
DELETED = "(A simulated service, whose Azure resource was deleted: restart the simulator.)"  # not in Azure's words
NO_SUBDOMAIN = "Please provide a custom subdomain for token authentication, otherwise API key is required."

_ALL = frozenset(route.name for route in ROUTES)
_READ = frozenset(route.name for route in ROUTES if route.method == "GET") - {"ExportProject"}
_READER = _READ | {"QueryPredictions"}
_LABELER = _READER | {
    "CreateImagesFromData",
    "CreateImagesFromFiles",
    "CreateImagesFromUrls",
    "CreateImagesFromPredictions",
    "DeleteImages",
    "UpdateImageMetadata",
    "CreateImageTags",
    "DeleteImageTags",
    "CreateImageRegions",
    "DeleteImageRegions",
    "CreateTag",
    "UpdateTag",
    "DeleteTag",
    "GetImageRegionProposals",
    "QuerySuggestedImages",
    "QuerySuggestedImageCount",
    "SuggestTagsAndRegions",
}
_DEPLOYMENT = _READER | {
    "DeletePrediction",
    "PublishIteration",
    "UnpublishIteration",
    "ExportIteration",
    "QuickTestImage",
    "QuickTestImageUrl",
}
_TRAINER = _ALL - {"CreateProject", "DeleteProject", "ImportProject", "ExportProject"}
ROLES = {
    "Contributor": _ALL,
    "Trainer": _TRAINER,
    "Deployment": _DEPLOYMENT,
    "Labeler": _LABELER,
    "Reader": _READER,
    "None": frozenset[str](),
}
"""The operations of each built-in role "Cognitive Services Custom Vision ..." (Microsoft's page of built-in roles).

Its data actions have names of their own; which operation needs which of them is [infer]. Neither Reader nor Deployment
has `images/suggested/action`.
"""


class Access:
    """Checks each request to the Training API."""

    def __init__(self, options: Options, accounts: Accounts, tokens: Tokens) -> None:
        """Take the options, the Azure resource and what reads the tokens."""
        self._options = options
        self._accounts = accounts
        self._tokens = tokens

    def refusal(self, headers: Mapping[str, str], operation: str) -> Answer | None:
        """Return the gateway's refusal of a request, or None; a key counts before a token ([infer])."""
        if not self._accounts.serves_training():
            return gateway_error(401, f"{DENIED} {DELETED}")
        if "Authorization" in headers and "Training-Key" not in headers:
            return self._token_refusal(headers["Authorization"], operation)
        return self._key_refusal(headers.get("Training-Key"))

    def _key_refusal(self, key: str | None) -> Answer | None:
        """Return the refusal of a key; the words for keys that are switched off were reported for other services."""
        if key not in {self._options.training_key, self._options.second_key}:
            return gateway_error(401, DENIED)
        if not self._options.local_auth:
            return _refused(403, "AuthenticationTypeDisabled", NO_KEYS)
        return None

    def _token_refusal(self, authorization: str, operation: str) -> Answer | None:
        """Return the refusal of a token, in words that were reported for this and other services of the gateway.

        The envelope for a wrong token is [infer] (reported for Azure Sentinel). A missing role is a 401 in them.
        """
        if not self._options.custom_subdomain:
            return _refused(400, "BadRequest", NO_SUBDOMAIN)
        claims = self._tokens.read(authorization)
        if claims is None or claims.expired or claims.audience.rstrip("/") not in AUDIENCES:
            return json_answer({"statusCode": 401, "message": UNAUTHORISED}, 401)
        if operation not in ROLES[self._options.role]:
            return _refused(401, "PermissionDenied", NO_ROLE)
        return None


def _refused(status: int, code: str, message: str) -> Answer:
    return json_answer({"error": {"code": code, "message": message}}, status)
