# A backend that decides which rooms a user may enter. Run it with
# ACCESS_KEY=… uvicorn backend:app --port 8000
import hmac
import os

from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

app = FastAPI()
participants = {"ticket-42": {"3f2504e0-4f89-41d3-9a0c-0305e82c3301"}}  # your database


class Question(BaseModel):
    user_id: str
    name: str
    room_id: str


@app.post("/millrace/access")
async def may_enter(question: Question, authorization: str = Header()):
    if not hmac.compare_digest(authorization.encode(), f"Bearer {os.environ['ACCESS_KEY']}".encode()):
        raise HTTPException(401)
    return {"allowed": question.user_id in participants.get(question.room_id, set())}


# Your own routes change the participants. A user who was removed here is removed from the room at once by
# POST /v1/rooms/{room}/members/{user}/remove of the gateway.
@app.put("/tickets/{room_id}/participants/{user_id}")
async def add(room_id: str, user_id: str):
    participants.setdefault(room_id, set()).add(user_id)


@app.delete("/tickets/{room_id}/participants/{user_id}")
async def remove(room_id: str, user_id: str):
    participants.get(room_id, set()).discard(user_id)
