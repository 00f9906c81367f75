"""A file that is read by ranges, as the file systems of pyarrow and DuckDB do."""

import io


class RemoteFile(io.RawIOBase):
    """Reads through `fetch`, which answers the bytes from a place up to another one; `size` is that of the whole."""

    def __init__(self, size):
        self.size, self.place = size, 0

    def fetch(self, start, stop):
        raise NotImplementedError

    def seekable(self):
        return True

    def readable(self):
        return True

    def tell(self):
        return self.place

    def seek(self, offset, whence=0):
        self.place = offset + (0, self.place, self.size)[whence]
        return self.place

    def readinto(self, buffer):
        stop = min(self.place + len(buffer), self.size)
        if stop <= self.place:
            return 0
        content = self.fetch(self.place, stop)
        buffer[: len(content)] = content
        self.place += len(content)
        return len(content)
