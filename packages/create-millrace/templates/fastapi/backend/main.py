"""The backend: signs tokens, keeps the notes, and publishes an event for each new one."""

import os
import time
import uuid

import httpx
import jwt
from fastapi import FastAPI
from pydantic import BaseModel, Field

GATEWAY = f"http://127.0.0.1:{os.environ.get('MILLRACE_PORT', '4400')}"

app = FastAPI()
notes: list[dict] = []  # use your database instead


class NewNote(BaseModel):
    text: str = Field(min_length=1, max_length=1000)


@app.post("/api/token")
def token():
    """Your sign-in says who the user is, and which rooms the user may enter."""
    now = int(time.time())
    claims = {"sub": str(uuid.uuid4()), "name": "A visitor", "rooms": ["board"], "iat": now, "exp": now + 3600}
    return {"token": jwt.encode(claims, os.environ["MILLRACE_JWT_SECRET"], algorithm="HS256")}


@app.get("/api/notes")
def list_notes():
    return notes


@app.post("/api/notes", status_code=201)
async def add_note(new: NewNote):
    note = {"id": str(uuid.uuid4()), "text": new.text}
    notes.append(note)  # save first, then publish
    await publish("note_added", "board", note)
    return note


async def publish(event_type: str, room: str, payload: dict):
    """Publishes to everybody in a room. The note's ID is that of the event, so a repeated call sends nothing twice."""
    event = {"event_id": payload["id"], "event_type": event_type, "room_id": room, "payload": payload}
    headers = {"Authorization": f"Bearer {os.environ['MILLRACE_API_KEYS']}"}
    async with httpx.AsyncClient() as client:
        response = await client.post(f"{GATEWAY}/v1/events", json=event, headers=headers)
    response.raise_for_status()
