# SPDX-License-Identifier: ISC
"""A disk with a volatile cache, in memory. A write that is not flushed can be
read at once; when the power is cut, it is kept, lost, or kept in part. A write
with FUA is kept, and a flush keeps everything before it, unless the disk lies:
then it forgets that it was asked.

At a cut each sector has the content of any of its writes since the flush, or
the content from before: so writes are reordered, too."""

import mmap

FATES = ("none", "all", "first", "some", "some", "some")


class Disk:
    """sector: bytes that are written as one, whatever happens."""

    def __init__(self, size, sector=512, is_lying=False):
        self.size, self.sector, self.is_lying = size, sector, is_lying
        self.kept = mmap.mmap(-1, size)     # what a cut cannot take
        self.shown = mmap.mmap(-1, size)    # what is read
        self.cache = []         # [(number, offset, data)], in their order
        self.forced = {}        # sector -> number of its last write with FUA
        self.number = 0
        self.before = {}        # sector -> its content when power came

    def load(self, path):
        """A whole image, as a file system was made in it."""
        with open(path, "rb") as image:
            for at in range(0, self.size, 1 << 20):
                data = image.read(1 << 20)
                if data.strip(b"\0"):
                    self.kept[at:at + len(data)] = data
                    self.shown[at:at + len(data)] = data

    def save(self, path):
        """The image that the machine found when it started."""
        with open(path, "wb") as image:
            image.truncate(self.size)
            for at in range(0, self.size, 1 << 20):
                data = self.kept[at:min(at + (1 << 20), self.size)]
                if data.strip(b"\0"):
                    image.seek(at)
                    image.write(data)
            for sector, data in self.before.items():
                image.seek(sector * self.sector)
                image.write(data)

    # --- what a machine asks ----

    def read(self, offset, length):
        return self.shown[offset:offset + length]

    def write(self, offset, data):
        """The number of the write."""
        self.number += 1
        self.shown[offset:offset + len(data)] = data
        self.cache.append((self.number, offset, data))
        return self.number

    def force(self, number):
        """One write is kept, and none before it (FUA)."""
        for index, write in enumerate(self.cache):
            if write[0] == number and not self.is_lying:
                self._keep_all(write, self._sectors(write))
                self.forced.update(dict.fromkeys(self._sectors(write), number))
                del self.cache[index]
                break

    def flush(self, until=None):
        """All writes are kept, up to the one with this number."""
        if self.is_lying:
            return
        until = self.number if until is None else until
        while self.cache and self.cache[0][0] <= until:
            write = self.cache.pop(0)
            self._keep_all(write, self._sectors(write))
        if not self.cache:
            self.forced = {}

    # --- the cut ----

    def cut(self, rng):
        """Power is lost and comes back; what became of the cached writes."""
        fate = rng.choice(FATES)
        chance, tear = rng.random(), rng.choice((0, 0.1, 0.5))
        until = rng.randint(0, len(self.cache))
        count = {"kept": 0, "torn": 0, "lost": 0}
        for index, write in enumerate(self.cache):
            is_kept = {"none": False, "all": True, "first": index < until,
                       "some": rng.random() < chance}[fate]
            is_torn = fate in ("first", "some") and rng.random() < tear
            count[self._survive(write, is_kept, is_torn, rng)] += 1
        for write in self.cache:
            for sector in self._sectors(write):
                part = self._part(sector)
                self.shown[part] = self.kept[part]
        self.cache, self.forced, self.before = [], {}, {}
        return count

    def _survive(self, write, is_kept, is_torn, rng):
        sectors = self._sectors(write)
        if is_torn and len(sectors) > 1:
            self._keep_all(write, [s for s in sectors if rng.random() < 0.5])
            return "torn"
        self._keep_all(write, sectors if is_kept else ())
        return "kept" if is_kept else "lost"

    # --- sectors ----

    def _sectors(self, write):
        _, offset, data = write
        return range(offset // self.sector,
                     (offset + len(data) - 1) // self.sector + 1)

    def _part(self, sector):
        return slice(sector * self.sector, (sector + 1) * self.sector)

    def _keep_all(self, write, sectors):
        """These sectors of a write, where none that came later is kept."""
        number, offset, data = write
        for sector in sectors:
            if self.forced.get(sector, 0) > number:
                continue
            part = self._part(sector)
            self.before.setdefault(sector, self.kept[part])
            begin = max(part.start, offset)
            end = min(part.stop, offset + len(data))
            self.kept[begin:end] = data[begin - offset:end - offset]
