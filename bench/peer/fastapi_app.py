"""The peer: the same work on the stack that the server would otherwise have been written on.

FastAPI on uvicorn with uvloop and httptools, PyJWT, SQLite through aiosqlite, Jinja2. It stands for a careful
implementation in Python, not for a naive one: answers are made directly instead of being validated on their way out, what
a request must look up comes with one statement, and nothing is logged per request. It answers

- GET /healthz
- GET /native/modes: token, certificate, session and account are checked as the server checks them, then the modes are
  read. The certificate comes as a proxy forwards it.
- GET /native/modes/token-alone: the same without looking up certificate, session and account.
- GET /request-access: a form of the same fields and about the same length, rendered for each request.
- GET /token: an access token, for the benchmark alone.

PEER_DATABASE is its SQLite file, PEER_SEED a JSON file with what the server's database holds.
"""

import base64
import hashlib
import json
import os
import secrets
import sqlite3
import time
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.templating import Jinja2Templates

DATABASE = os.environ["PEER_DATABASE"]
SEED = json.loads(Path(os.environ["PEER_SEED"]).read_text())
KEY = secrets.token_bytes(32)
ISSUER, AUDIENCE = "https://localhost:8443", "aiwe-native"
TOKEN_SECONDS = 12 * 3600

SCHEMA = """
CREATE TABLE account (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, state TEXT NOT NULL);
CREATE TABLE machine_certificate (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES account, not_after INTEGER NOT NULL, revoked_at INTEGER);
CREATE TABLE session (id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES account,
    certificate_id TEXT NOT NULL REFERENCES machine_certificate, expires_at INTEGER NOT NULL, ended_at INTEGER);
CREATE TABLE mode (id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, position INTEGER NOT NULL,
    enabled INTEGER NOT NULL);
"""
WHO = """
SELECT session.id FROM session
JOIN machine_certificate AS certificate ON certificate.id = session.certificate_id
JOIN account ON account.id = session.account_id
WHERE session.id = ? AND session.account_id = ? AND session.ended_at IS NULL AND session.expires_at > ?
    AND certificate.fingerprint = ? AND certificate.revoked_at IS NULL AND certificate.not_after > ?
    AND account.state = 'active'
"""
MODES = "SELECT id, name, description FROM mode WHERE enabled = 1 ORDER BY position"


def fingerprint(der: bytes) -> bytes:
    return hashlib.sha256(der).digest()


def make_database() -> None:
    if os.path.exists(DATABASE):
        return
    later = int(time.time()) + 90 * 24 * 3600
    with sqlite3.connect(DATABASE) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
        database.execute("INSERT INTO account VALUES ('account', ?, 'active')", (SEED["email"],))
        certificate = fingerprint(base64.b64decode(SEED["certificate"])).hex()
        database.execute(
            "INSERT INTO machine_certificate VALUES ('certificate', ?, 'account', ?, NULL)", (certificate, later)
        )
        database.execute("INSERT INTO session VALUES ('session', 'account', 'certificate', ?, NULL)", (later,))
        for position, mode in enumerate(SEED["modes"]):
            row = (mode["id"], mode["name"], mode["description"], position)
            database.execute("INSERT INTO mode VALUES (?, ?, ?, ?, 1)", row)


@asynccontextmanager
async def lifespan(app: FastAPI):
    make_database()
    async with aiosqlite.connect(DATABASE) as database:
        app.state.database = database
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)
templates = Jinja2Templates(Path(__file__).parent / "templates")


def thumbprint(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def claims_of(authorization: str, x_client_cert: str) -> tuple[dict, str]:
    """The token's claims and the certificate's fingerprint, if the one is bound to the other (RFC 8705)."""
    try:
        digest = fingerprint(base64.b64decode(x_client_cert, validate=True))
        token = authorization.removeprefix("Bearer ")
        claims = jwt.decode(token, KEY, algorithms=["HS256"], audience=AUDIENCE, issuer=ISSUER)
        if claims["cnf"]["x5t#S256"] != thumbprint(digest):
            raise HTTPException(401)
        return claims, digest.hex()
    except (KeyError, ValueError, jwt.PyJWTError):
        raise HTTPException(401) from None


async def token_alone(authorization: str = Header(""), x_client_cert: str = Header("")) -> None:
    claims_of(authorization, x_client_cert)


async def person(request: Request, authorization: str = Header(""), x_client_cert: str = Header("")) -> None:
    claims, certificate = claims_of(authorization, x_client_cert)
    now = int(time.time())
    values = (claims["sid"], claims["sub"], now, certificate, now)
    async with request.app.state.database.execute(WHO, values) as rows:
        if await rows.fetchone() is None:
            raise HTTPException(401)


async def modes(request: Request) -> JSONResponse:
    async with request.app.state.database.execute(MODES) as rows:
        found = await rows.fetchall()
    return JSONResponse([{"id": id, "name": name, "description": description} for id, name, description in found])


@app.get("/healthz")
async def healthz() -> JSONResponse:
    return JSONResponse({"status": "ok"})


@app.get("/token")
async def token() -> PlainTextResponse:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "account",
        "sid": "session",
        "iat": now,
        "nbf": now,
        "exp": now + TOKEN_SECONDS,
        "cnf": {"x5t#S256": thumbprint(fingerprint(base64.b64decode(SEED["certificate"])))},
    }
    return PlainTextResponse(jwt.encode(claims, KEY, algorithm="HS256", headers={"typ": "at+jwt"}))


app.get("/native/modes", dependencies=[Depends(person)])(modes)
app.get("/native/modes/token-alone", dependencies=[Depends(token_alone)])(modes)


def platform_of(user_agent: str) -> str:
    if "Windows" in user_agent:
        return "windows"
    if "Mac OS X" in user_agent or "Macintosh" in user_agent:
        return "macos"
    return "linux" if "Linux" in user_agent and "Android" not in user_agent else ""


@app.get("/request-access")
async def request_access(request: Request, reason: str = "", user_agent: str = Header("")):
    nonce = secrets.token_urlsafe(16)
    values = {"nonce": nonce, "reason": reason, "platform": platform_of(user_agent)}
    policy = (
        f"default-src 'none'; script-src 'strict-dynamic' 'nonce-{nonce}' 'wasm-unsafe-eval'; "
        f"style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return templates.TemplateResponse(request, "request_access.html", values, headers=headers)
