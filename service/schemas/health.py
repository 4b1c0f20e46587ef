"""What the health endpoints answer."""

from typing import Literal

from pydantic import BaseModel


class StatusBody(BaseModel):
    status: Literal["alive", "ready"]
