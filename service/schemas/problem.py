"""Every error, as RFC 9457 has it."""

from pydantic import BaseModel, ConfigDict, Field

EXAMPLE_REQUEST_ID = "0d8f5a3e-6a55-4a1c-9d6c-2f6f0c1b7e11"


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:audiocnn:problem:unsupported_audio",
                    "title": "The audio format is not supported",
                    "status": 415,
                    "detail": "MP4 files are not read; convert it to WAV, FLAC, Ogg or MP3",
                    "instance": "/classify",
                    "code": "unsupported_audio",
                    "request_id": EXAMPLE_REQUEST_ID,
                }
            ]
        }
    )

    type: str = Field(description="A URI for this kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What was wrong this time and what to do.")
    instance: str = Field(description="The path that was asked.")
    code: str = Field(description="Stable, for programs to branch on.")
    request_id: str = Field(description="To find the request in the service's log.")
