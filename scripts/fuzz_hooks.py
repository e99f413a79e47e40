"""Who schemathesis is when scripts/fuzz-api runs it, and the values that no schema tells: secrets, ids, the time.

No operation is left out. What ends a session (signing out, erasing the account, changing what one signs in with) is done
by the person of the moment; once it succeeded, the next request is made by another person, who is registered for it.
Requests that should succeed get, every other time, what they need for it: the person's own password, a code, the id of
a thing that is there. The other half keeps what was made up, and so do all requests that should fail.
"""

import atexit
import base64
import collections
import datetime
import email
import hashlib
import hmac
import io
import itertools
import json
import os
import pathlib
import re
import struct
import time
import urllib.request
import zipfile

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

ROLE = os.environ["FUZZ_ROLE"]
ADDRESS = os.environ["FUZZ_ADDRESS"]
MAIL = pathlib.Path(os.environ["FUZZ_MAIL"])
ANSWERS = pathlib.Path(os.environ["FUZZ_ANSWERS"])

PASSWORD = "correct horse battery staple"
# An access token lives for five minutes at most.
TOKEN_SECS = 200
MAIL_WITHIN_SECS = 20
# The answers of an operation, each with how often it was given; scripts/fuzz-api reads them.
answers = collections.defaultdict(collections.Counter)
numbers = itertools.count(1)
turns = collections.Counter()

# What ends the session, or changes what the person signs in with.
ENDS_PERSON = {
    "POST /api/v1/auth/logout",
    "POST /api/v1/auth/logout-all",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/password-reset",
    "POST /api/v1/auth/password-reset/confirm",
    "POST /api/v1/users/me/email",
    "POST /api/v1/users/me/password",
    "POST /api/v1/users/me/totp/confirm",
    "DELETE /api/v1/users/me",
    "POST /api/v1/users/me/totp/recovery-codes",
    "DELETE /api/v1/users/me/totp",
    "DELETE /api/v1/api-keys/{id}",
    "DELETE /api/v1/devices/{id}",
}
# What needs a factor in use. It is shown with a recovery code, and each is good once.
NEEDS_FACTOR = {"DELETE /api/v1/users/me/totp", "POST /api/v1/users/me/totp/recovery-codes"}

# Texts of imported history.
OF_HISTORY = {"source", "category", "project", "branch", "language", "editor", "machine", "operating_system"}

# Faults of values that a schema cannot tell from sound ones: each with the fields that may have it. A request that is
# right by the document may be refused for these alone; any other refusal is a fault of the document or the server.
BEYOND_SCHEMAS = {
    # One value depends on another.
    "conflict": {"date"},
    "required": {"from", "to", "app"},
    # A rule is about applications or sites, and gives a name where it renames to one that the rules leave as it is.
    "not_allowed": {"action", "site", "to"},
    "changed_again": {"to"},
    "before_from": {"to"},
    "not_after_from": {"to", "until"},
    "not_like_from": {"to"},
    "not_after_start": {"end_time"},
    "also_in_cookie": {"refresh_token"},
    # On the clock, or on how long a stretch is.
    "out_of_range": {"date", "to", "pings", "heartbeats"},
    "too_old": {"start_time", "time"},
    "in_future": {"end_time", "time"},
    "too_long": {"end_time", "url", "pings", "heartbeats"},
    # On how many there are already, and on which.
    "too_many": {"source"},
    "invalid_cursor": {"cursor"},
    # On secrets, and on lists of words and zones.
    "invalid_token": {"token"},
    "wrong_code": {"code"},
    "too_common": {"password", "new_password"},
    "unknown_zone": {"tz", "timezone"},
    # On a grammar: a day or an instant, a URL, an address that mail can reach, text in which something can be seen.
    "invalid_day": {"from", "to"},
    "invalid_time": {"from", "to", "until"},
    "invalid_url": {"url"},
    "invalid_email": {"email"},
    "empty": {"full_name", "name", "device_name", "platform", "app_name", "app", "site", "to"} | OF_HISTORY,
    "control_character": {"full_name", "name", "device_name", "platform", "app_name", "app", "site", "to"} | OF_HISTORY,
    "invalid_host": {"site", "to"},
    "too_many_stars": {"app", "site"},
}


# What a device is told that asks whether it was confirmed, by a code that no schema knows to be good.
NOT_YET_SIGNED_IN = {"authorization_pending", "slow_down", "access_denied", "expired_token"}
# Devices that wait to be confirmed. Only so many may from one address, so they are made before any is made up.
WAITING_DEVICES = 4


def call(method, path, body=None, token=None, device=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if device:
        headers["X-Device-Id"] = device
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADDRESS + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
        return json.loads(text) if text else None


class Person:
    """Somebody with two devices, of which one sends pings, and an API key."""

    def __init__(self):
        self.email = f"{ROLE}-{next(numbers)}@example.org"
        profile = {"email": self.email, "password": PASSWORD, "full_name": "Ada Lovelace"}
        self.id = call("POST", "/api/v1/users/register", profile)["id"]
        sign_in = {"email": self.email, "password": PASSWORD}
        self.other_device = call("POST", "/api/v1/auth/login", sign_in, device="other")["device"]["id"]
        session = call("POST", "/api/v1/auth/login", sign_in, device="this")
        self.since = time.monotonic()
        self.token = session["access_token"]
        self.refresh_token = session["refresh_token"]
        self.device = session["device"]["id"]
        key = call("POST", "/api/v1/api-keys", {"name": "Editor"}, self.token)
        self.key = key["key"]
        self.key_id = key["id"]
        call("POST", "/api/v1/usage/track", {"pings": [ping(4), ping(2) | {"url": "https://example.org/"}]}, self.token)
        self.recovery_codes = []
        self.secret = None
        # After wrong passwords, the right one has to wait as well.
        self.is_doubted = False

    def shown(self):
        return self.key if ROLE == "key" else self.token

    def reset_token(self):
        """Of the mail that the person asks for."""
        call("POST", "/api/v1/auth/password-reset", {"email": self.email})
        deadline = time.monotonic() + MAIL_WITHIN_SECS
        while time.monotonic() < deadline:
            for file in MAIL.glob("*.eml"):
                mail = email.message_from_bytes(file.read_bytes())
                token = re.search(rb"^([\w-]{43})\r?$", mail.get_payload(decode=True), re.M)
                if mail["To"] == self.email and token:
                    return token[1].decode()
            time.sleep(0.02)
        raise TimeoutError(f"no mail to {self.email} within {MAIL_WITHIN_SECS} s")

    def begin_factor(self):
        proof = {"password": PASSWORD}
        self.secret = call("POST", "/api/v1/users/me/totp", proof, self.token)["secret"]

    def use_factor(self):
        self.begin_factor()
        code = {"code": totp(self.secret)}
        self.recovery_codes = call("POST", "/api/v1/users/me/totp/confirm", code, self.token)["recovery_codes"]

    def proof(self):
        code = {"code": self.recovery_codes.pop()} if self.recovery_codes else {}
        return {"password": PASSWORD} | code


def totp(secret):
    """RFC 6238 with SHA-1, six digits and 30 seconds."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def ping(minutes_ago):
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes_ago)
    end = start + datetime.timedelta(seconds=30)
    return {"app_name": "Firefox", "start_time": start.isoformat(), "end_time": end.isoformat()}


class Present:
    """The person of the moment. Tokens of earlier ones are known, so that requests made up before speak for this one."""

    def __init__(self):
        self.one = None
        self.issued = set()

    def person(self):
        if self.one is None or time.monotonic() - self.one.since > TOKEN_SECS:
            self.one = Person()
            self.issued |= {f"Bearer {self.one.token}", f"Bearer {self.one.key}"}
        return self.one

    def person_for(self, operation):
        """One who can prove who they are, in the way that the operation asks for."""
        needs_factor = ROLE == "person" and operation in NEEDS_FACTOR
        person = self.person()
        if person.is_doubted or bool(person.recovery_codes) != needs_factor:
            self.leave()
            person = self.person()
            if needs_factor:
                person.use_factor()
        return person

    def leave(self):
        self.one = None


present = Present()


class Waiting:
    """Devices that wait: one to be looked at, the others to be answered or signed in, each once."""

    def __init__(self):
        key = f"{ROLE}-device"
        self.codes = [call("POST", "/api/v1/auth/device-code", {}, device=key) for _ in range(WAITING_DEVICES)]

    def to_look_at(self):
        return self.codes[0]["user_code"]

    def to_answer(self):
        return (self.codes.pop() if len(self.codes) > WAITING_DEVICES // 2 else self.codes[0])["user_code"]

    def to_sign_in(self, person):
        if len(self.codes) == 1:
            return None
        one = self.codes.pop(1)
        call("POST", f"/api/v1/auth/device-codes/{one['user_code']}", {"approve": True}, person.token)
        return one["device_code"]


waiting = Waiting()

if ROLE != "nobody":

    @schemathesis.auth(refresh_interval=None)
    class SignedIn:
        def get(self, case, context):
            return present.person().shown()

        def set(self, case, data, context):
            case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.label
    if case.meta is not None and case.meta.generation.mode.is_positive:
        turns[operation] += 1
        if turns[operation] % 2 == 1:
            help_along(operation, case)
    if (case.headers or {}).get("Authorization") in present.issued:
        case.headers["Authorization"] = f"Bearer {present.person().shown()}"


def help_along(operation, case):
    """Gives the request what it needs to succeed."""
    person = present.person_for(operation)
    body = case.body if isinstance(case.body, dict) else None
    ids = {"/api/v1/devices/{id}": person.other_device, "/api/v1/api-keys/{id}": person.key_id}
    if case.operation.path in ids:
        case.path_parameters["id"] = ids[case.operation.path]
    if operation == "GET /api/v1/auth/device-codes/{user_code}":
        case.path_parameters["user_code"] = waiting.to_look_at()
    if body is None:
        return
    # What names the caller must name the caller.
    body |= {name: own for name, own in (("user_id", person.id), ("device_id", person.device)) if body.get(name)}
    if operation == "POST /api/v1/auth/login":
        body.pop("code", None)
        body |= {"email": person.email, "password": PASSWORD}
        if case.query:
            case.headers["Sec-Fetch-Site"] = "same-origin"
    elif operation == "POST /api/v1/auth/device-codes/{user_code}":
        case.path_parameters["user_code"] = waiting.to_answer()
    elif operation == "POST /api/v1/auth/device-token":
        body["device_code"] = waiting.to_sign_in(person) or body["device_code"]
    elif operation == "POST /api/v1/users/register":
        body |= {"email": f"registered-{ROLE}-{next(numbers)}@example.org", "password": PASSWORD}
    elif operation == "POST /api/v1/auth/refresh":
        body["refresh_token"] = person.refresh_token
        case.cookies.clear()
    elif operation == "POST /api/v1/auth/password-reset":
        body["email"] = person.email
    elif operation == "POST /api/v1/auth/password-reset/confirm":
        body |= {"token": person.reset_token(), "password": PASSWORD}
    elif operation == "PUT /api/v1/users/me/privacy-rules":
        case.headers.pop("If-Match", None)
        body["rules"] = [{"app": "secret *", "action": "exclude"}, {"site": "example.net", "action": "hide"}]
    elif operation == "POST /api/v1/usage/track":
        for one in body.get("pings") or [body]:
            if isinstance(one, dict):
                help_ping(one, person)
    elif operation == "POST /api/v1/usage/import":
        body["source"] = "Another tracker"
        for one in body.get("pings") or []:
            if isinstance(one, dict):
                help_ping(one, person)
        body["heartbeats"] = [{"time": ping(minute)["start_time"], "app_name": "vim"} for minute in (3, 5)]
    elif ROLE == "person":
        help_proof(operation, body, person)


def help_proof(operation, body, person):
    if operation == "POST /api/v1/users/me/totp/confirm":
        if person.secret is None:
            person.begin_factor()
        body["code"] = totp(person.secret)
    elif "password" in body:
        body.pop("code", None)
        body |= person.proof()
    if operation == "POST /api/v1/users/me/email":
        body["email"] = f"changed-{next(numbers)}@example.org"
    if operation == "POST /api/v1/users/me/password":
        body["new_password"] = PASSWORD + " too"


def help_ping(one, person):
    now = ping(next(numbers) % 1000)
    one |= {"start_time": now["start_time"], "end_time": now["end_time"]}
    for name, own in (("user_id", person.id), ("device_id", person.device)):
        if one.get(name):
            one[name] = own


@schemathesis.hook
def after_call(context, case, response):
    operation = case.operation.label
    if response.request.method == case.operation.method.upper():
        answers[operation][response.status_code] += 1
    else:
        answers["other methods"][response.status_code] += 1
    if operation == "POST /api/v1/auth/device-code" and response.status_code == 200:
        make_room(response.json())
    # Whether it was this person is not asked: somebody new is as good.
    if operation in ENDS_PERSON and 200 <= response.status_code < 300:
        present.leave()
    elif response.status_code in (401, 403, 429) and present.one is not None:
        present.one.is_doubted = True


def make_room(codes):
    """Signs a device in that was made up: as long as it waits, it is one of the few that may."""
    answer = {"approve": True}
    call("POST", f"/api/v1/auth/device-codes/{codes['user_code']}", answer, present.person().token)
    call("POST", "/api/v1/auth/device-token", {"device_code": codes["device_code"]})


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether the failure is one: not, when a sound request was refused for what no schema says."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    if response.status_code == 415:
        # The one body that may be left out, where a cookie stands for it: that one of the two is there, no schema says.
        return not (case.operation.label == "POST /api/v1/auth/refresh" and not response.request.body)
    if response.status_code == 412:
        # A version that was made up is none that there is.
        return "If-Match" not in response.request.headers
    if response.status_code == 400 and case.operation.label == "POST /api/v1/auth/device-token":
        return response.json().get("code") not in NOT_YET_SIGNED_IN
    if response.status_code != 422:
        return True
    faults = response.json()["errors"]
    return not all(fault["pointer"].rpartition("/")[2] in BEYOND_SCHEMAS.get(fault["code"], ()) for fault in faults)


@schemathesis.deserializer("application/zip")
def archive(context, response):
    """The archive as the schema has it: bytes. That it is sound is looked at here."""
    damaged = zipfile.ZipFile(io.BytesIO(response.content)).testzip()
    if damaged is not None:
        raise ValueError(f"{damaged} is damaged")
    return response.content.decode("latin-1")


@atexit.register
def tell():
    ANSWERS.write_text(json.dumps(answers))
