# mypy: ignore-errors
from datetime import datetime

from pydantic import BaseModel, ConfigDict, model_validator


class RoomBase(BaseModel):
    name: str
    seats: int = 4


class RoomCreate(RoomBase):
    pass


class Room(RoomBase):
    id: int

    model_config = ConfigDict(from_attributes=True)


class BookingCreate(BaseModel):
    who: str
    starts_at: datetime
    ends_at: datetime

    @model_validator(mode="after")
    def check_order(self):
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self


class Booking(BookingCreate):
    id: int
    room_id: int

    model_config = ConfigDict(from_attributes=True)
