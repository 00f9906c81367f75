"""Files in an S3 bucket. Waits for the store are bounded, and what it cannot do is an OSError, as it is for a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage

from mirror.storage import StorageUnavailable


class ObjectStorage(S3Storage):
    """Raises StorageUnavailable while the store cannot be reached, FileNotFoundError, or OSError with the store's reason."""

    CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 2, 10, 2

    def __init__(self, **options: Any) -> None:
        retries = {"mode": "standard", "total_max_attempts": self.ATTEMPTS}
        limits = Config(connect_timeout=self.CONNECT_SECONDS, read_timeout=self.READ_SECONDS, retries=retries)
        super().__init__(client_config=limits, **options)

    def _open(self, name: str, mode: str = "rb") -> File:
        """Read the object by one request: whoever opens a file of the site reads all of it."""
        if mode != "rb":
            raise ValueError(f"{name}: an object can only be opened to read bytes, not as {mode!r}")
        with as_os_errors(name):
            answer = self.bucket.Object(self._normalize_name(name)).get()
            return File(BytesIO(answer["Body"].read()), name)

    def _save(self, name: str, content: File) -> str:
        with as_os_errors(name):
            return super()._save(name, content)

    def delete(self, name: str) -> None:
        with as_os_errors(name):
            super().delete(name)

    def exists(self, name: str) -> bool:
        with as_os_errors(name):
            return super().exists(name)

    def get_modified_time(self, name: str) -> datetime:
        with as_os_errors(name):
            return super().get_modified_time(name)


@contextmanager
def as_os_errors(name: str) -> Iterator[None]:
    """Translate the errors of Amazon's client. Messages about the network have addresses, which are not for everybody."""
    try:
        yield
    except ClientError as error:
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        if code in ("404", "NoSuchKey"):
            raise FileNotFoundError(f"{name} is not in the bucket") from error
        if status >= 500 or status == 429:
            raise StorageUnavailable(code) from error
        raise OSError(f"the store answers {code}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise StorageUnavailable(type(error).__name__) from error
