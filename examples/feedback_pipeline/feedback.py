"""What a user says, as the website sends it (JSON)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Feedback(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    user_id: str
    rating: Annotated[int, Field(ge=1, le=5)]
    comment: str
    timestamp: datetime
