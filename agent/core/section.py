"""The base of every section of the settings."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

TopicLevel = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]


class Section(BaseModel):
    """Frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # the tree holds the build of each
