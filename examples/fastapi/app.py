# A chat about tickets: issues tokens, decides who may enter a room, and publishes by a plain XADD. Nothing is kept in the process, so it
# may be restarted, or run with several workers. Run it with
# REDIS_URL=… MILLRACE_JWT_SECRET=… ACCESS_KEY=… uvicorn app:app --port 8000
import datetime, hmac, json, os, time, uuid
import jwt
import redis.asyncio as redis
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

app = FastAPI()
r = redis.from_url(os.environ.get("REDIS_URL", "redis://localhost:6379"), decode_responses=True)


async def publish(stream: str, event_type: str, room_id: str, payload: dict) -> str:
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return await r.xadd(stream, {"event_id": str(uuid.uuid4()), "event_type": event_type, "timestamp": now,
        "room_id": room_id, "payload": json.dumps(payload), "metadata": json.dumps({"source_instance": "api-1"})})


def token_for(user_id: str, name: str, rooms: list[str]) -> str:
    claims = {"sub": user_id, "name": name, "rooms": rooms, "iat": int(time.time()), "exp": int(time.time()) + 3600}
    return jwt.encode(claims, os.environ["MILLRACE_JWT_SECRET"], algorithm="HS256")


class Login(BaseModel):
    name: str


class Message(BaseModel):
    content: str


class Typing(BaseModel):
    is_typing: bool


class Status(BaseModel):
    status: str


class Notice(BaseModel):
    title: str


class Question(BaseModel):
    user_id: str
    name: str
    room_id: str


def signed_in(authorization: str = Header()) -> dict:
    try:
        user = jwt.decode(authorization.removeprefix("Bearer "), os.environ["MILLRACE_JWT_SECRET"], algorithms=["HS256"])
    except jwt.PyJWTError as error:
        raise HTTPException(401, "sign in again") from error
    for claim in ("sub", "name"):  # a token of another program may lack them, or have other types in them
        if not isinstance(user.get(claim), str) or not user[claim]:
            raise HTTPException(401, f"the token has no text in its claim {claim}: sign in at /login")
    return user


async def participant(ticket_id: uuid.UUID, user: dict = Depends(signed_in)) -> dict:
    if not await r.sismember(f"participants:{ticket_id}", user["sub"]):
        raise HTTPException(403, "you are not a participant of this ticket")
    return user


@app.post("/login")
async def login(login: Login):  # your sign-in checks a password here
    user_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, login.name))
    return {"user_id": user_id, "token": token_for(user_id, login.name, [])}


# Redis takes the place of your database. Whoever names a ticket first begins it, and lets others in.
@app.put("/tickets/{ticket_id}/participants/{user_id}", status_code=204)
async def let_in(ticket_id: uuid.UUID, user_id: uuid.UUID, user: dict = Depends(signed_in)):
    key = f"participants:{ticket_id}"
    owner = await r.set(f"owner:{ticket_id}", user["sub"], nx=True, get=True)  # one step, so that only one user begins a ticket
    if owner not in (None, user["sub"]) and not await r.sismember(key, user["sub"]):
        raise HTTPException(403, "you are not a participant of this ticket")
    await r.sadd(key, user["sub"], str(user_id))


# The gateway asks before it lets a user into a room. It keeps a yes for a minute.
@app.post("/millrace/access")
async def may_enter(question: Question, authorization: str = Header()):
    if not hmac.compare_digest(authorization.encode(), f"Bearer {os.environ['ACCESS_KEY']}".encode()):
        raise HTTPException(401)
    kind, _, ticket_id = question.room_id.partition("-")
    is_participant = await r.sismember(f"participants:{ticket_id}", question.user_id)
    return {"allowed": kind == "ticket" and bool(is_participant)}


@app.post("/tickets/{ticket_id}/messages", status_code=201)
async def add_message(ticket_id: uuid.UUID, message: Message, user: dict = Depends(participant)):
    payload = {"id": str(uuid.uuid4()), "request_id": str(ticket_id), "sender_id": user["sub"], "content": message.content,
        "sequence_number": await r.incr(f"messages:{ticket_id}"), "is_screenshot": False,
        "created_at": datetime.datetime.now(datetime.timezone.utc).isoformat()}
    await publish("events:chat", "chat_message", f"ticket-{ticket_id}", payload)
    return payload


@app.post("/tickets/{ticket_id}/typing", status_code=204)
async def typing(ticket_id: uuid.UUID, typing: Typing, user: dict = Depends(participant)):
    payload = {"user_id": user["sub"], "username": user["name"], "is_typing": typing.is_typing}
    await publish("events:chat", "typing_start" if typing.is_typing else "typing_stop", f"ticket-{ticket_id}", payload)


@app.put("/tickets/{ticket_id}/status", status_code=204)
async def set_status(ticket_id: uuid.UUID, status: Status, user: dict = Depends(participant)):
    old = await r.getset(f"status:{ticket_id}", status.status)
    payload = {"request_id": str(ticket_id), "old_status": old or "open", "new_status": status.status, "changed_by": user["name"],
        "changed_at": datetime.datetime.now(datetime.timezone.utc).isoformat()}
    await publish("events:ticket", "status_change", f"ticket-{ticket_id}", payload)


@app.post("/users/{user_id}/notifications", status_code=204)
async def notify(user_id: uuid.UUID, notice: Notice, user: dict = Depends(signed_in)):  # your rule says who may notify whom
    await publish("events:notification", "notification", f"user:{user_id}", {"type": "info", "title": notice.title})
