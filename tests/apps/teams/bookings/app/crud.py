# mypy: ignore-errors
from sqlalchemy.orm import Session

from app import models, schemas


def get_room(db: Session, room_id: int):
    return db.query(models.Room).filter(models.Room.id == room_id).first()


def get_room_by_name(db: Session, name: str):
    return db.query(models.Room).filter(models.Room.name == name).first()


def get_rooms(db: Session, skip: int = 0, limit: int = 100):
    return db.query(models.Room).offset(skip).limit(limit).all()


def create_room(db: Session, room: schemas.RoomCreate):
    db_room = models.Room(**room.model_dump())
    db.add(db_room)
    db.commit()
    db.refresh(db_room)
    return db_room


def create_booking(db: Session, room_id: int, booking: schemas.BookingCreate):
    clash = (
        db.query(models.Booking)
        .filter(
            models.Booking.room_id == room_id,
            models.Booking.starts_at < booking.ends_at,
            models.Booking.ends_at > booking.starts_at,
        )
        .first()
    )
    if clash:
        return None
    db_booking = models.Booking(room_id=room_id, **booking.model_dump())
    db.add(db_booking)
    db.commit()
    db.refresh(db_booking)
    return db_booking
