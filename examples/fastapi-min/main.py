# A board of live notes: serves the page, signs the visitor's token, and publishes an event type of its own by a plain XADD.
import datetime, json, os, pathlib, time, uuid
import jwt
import redis.asyncio as redis
from fastapi import FastAPI
from fastapi.responses import FileResponse
from pydantic import BaseModel

app = FastAPI()
r = redis.from_url(os.environ.get("REDIS_URL", "redis://localhost:6379"))


class Note(BaseModel):
    text: str


@app.get("/")
def page():
    return FileResponse(pathlib.Path(__file__).with_name("index.html"))


@app.post("/token")
def token():  # your sign-in says who the user is, and which rooms the user may enter
    claims = {"sub": str(uuid.uuid4()), "rooms": ["board"], "exp": int(time.time()) + 3600}
    signed = jwt.encode(claims, os.environ["MILLRACE_JWT_SECRET"], algorithm="HS256")
    return {"token": signed, "gateway": os.environ.get("GATEWAY_URL", "http://localhost:4400")}


@app.post("/notes", status_code=201)
async def add_note(note: Note):  # save it in your database first
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    event = {"event_id": str(uuid.uuid4()), "event_type": "note_added", "timestamp": now,
             "room_id": "board", "payload": json.dumps({"text": note.text})}
    return {"entry_id": await r.xadd("events:notes", event)}
