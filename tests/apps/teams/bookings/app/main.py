# mypy: ignore-errors
import csv
import io

from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import RedirectResponse
from sqlalchemy import text
from sqlalchemy.orm import Session

from app import crud, models, schemas
from app.database import engine, get_db

models.Base.metadata.create_all(bind=engine)

app = FastAPI(title="Meeting rooms")

app.add_middleware(
    CORSMiddleware,
    allow_origins=["https://intranet.example.com"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)


@app.get("/", include_in_schema=False)
def root():
    return RedirectResponse("/docs")


@app.post("/rooms/", response_model=schemas.Room, status_code=201)
def create_room(room: schemas.RoomCreate, db: Session = Depends(get_db)):
    if crud.get_room_by_name(db, name=room.name):
        raise HTTPException(status_code=400, detail="Room already exists")
    return crud.create_room(db=db, room=room)


@app.get("/rooms/", response_model=list[schemas.Room])
def read_rooms(skip: int = 0, limit: int = 100, db: Session = Depends(get_db)):
    return crud.get_rooms(db, skip=skip, limit=limit)


@app.get("/rooms/{room_id}", response_model=schemas.Room)
def read_room(room_id: int, db: Session = Depends(get_db)):
    db_room = crud.get_room(db, room_id=room_id)
    if db_room is None:
        raise HTTPException(status_code=404, detail="Room not found")
    return db_room


@app.post("/rooms/{room_id}/bookings/", response_model=schemas.Booking, status_code=201)
def book(room_id: int, booking: schemas.BookingCreate, db: Session = Depends(get_db)):
    if crud.get_room(db, room_id) is None:
        raise HTTPException(status_code=404, detail="Room not found")
    created = crud.create_booking(db, room_id, booking)
    if created is None:
        raise HTTPException(
            status_code=409,
            detail={"code": "ROOM_TAKEN", "message": "The room is taken then"},
            headers={"X-Conflict": "booking"},
        )
    return created


@app.delete("/rooms/{room_id}", status_code=204)
def delete_room(room_id: int, db: Session = Depends(get_db)):
    room = crud.get_room(db, room_id)
    if room is None:
        raise HTTPException(status_code=404, detail="Room not found")
    db.delete(room)
    db.commit()


@app.get("/export.csv")
def export(db: Session = Depends(get_db)):
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["room", "who", "from", "to"])
    for b in db.query(models.Booking).join(models.Room).all():
        writer.writerow([b.room.name, b.who, b.starts_at, b.ends_at])
    return Response(buffer.getvalue(), media_type="text/csv")


@app.get("/broken-report")
def broken_report(db: Session = Depends(get_db)):
    return db.execute(text("SELECT * FROM no_such_table")).all()
