"""Everything a client received, and waiting for what is still to come.

Tests never sleep and hope: they take a mark, do something, and expect a message since that mark. What arrived between
the mark and the call counts, so nothing can slip through.
"""

import asyncio
import time


class Inbox:
    def __init__(self, session):
        self.messages = []  # (seconds of the monotonic clock, message)
        self._waiting = []
        # hippolyzer passes what comes by UDP and what comes by event queue through the same handler.
        session.message_handler.subscribe("*", self._receive)

    def _receive(self, message):
        self.messages.append((time.monotonic(), message))
        for waiter in self._waiting:
            waiter.set()

    def mark(self):
        """The present, for `since`."""
        return len(self.messages)

    def when(self, message):
        """When it arrived, in seconds of the monotonic clock."""
        return next(t for t, m in reversed(self.messages) if m is message)

    def since(self, mark, *names, where=None):
        """What arrived since then under one of these names."""
        return [m for _, m in self.messages[mark:] if m.name in names and (where is None or where(m))]

    def names(self, mark=0):
        return [m.name for _, m in self.messages[mark:]]

    async def expect(self, *names, since=0, where=None, patience=10):
        """The first message of one of these names since the mark; waits for it if need be."""
        await self.until(lambda: self.since(since, *names, where=where), patience, "/".join(names), since)
        return self.since(since, *names, where=where)[0]

    async def until(self, condition, patience=10, what="what was waited for", since=0):
        """Looks at the condition after each message that arrives; gives what it gave."""
        arrived = asyncio.Event()
        self._waiting.append(arrived)
        try:
            async with asyncio.timeout(patience):
                while not (found := condition()):
                    await arrived.wait()
                    arrived.clear()
                return found
        except TimeoutError:
            seen = sorted(set(self.names(since)))
            raise AssertionError(f"{what} did not come within {patience} s; what came: {seen}") from None
        finally:
            self._waiting.remove(arrived)
