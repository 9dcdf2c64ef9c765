"""What waits for one local government goes together, one group after the other.

At a rush, many requests ask the same thing of the same rows at once. One statement for all that
wait costs little more than one for the first of them, and each still gets its own answer.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
#: What goes together at most: more would keep the first ones waiting.
TOGETHER = 64


class Together(Generic[T, R]):
    """Lines of things that wait, one line for each local government.

    Nothing waits for company: the first goes alone, and what comes meanwhile is the next group.
    """

    def __init__(self, work: Callable[[str, Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        """Args: work: Does a group of one local government; as many answers, in order."""
        self._work = work
        self._lines: dict[str, deque[tuple[T, asyncio.Future[R]]]] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}

    async def ask(self, lg_code: str, one: T) -> R:
        """The answer to one thing; the errors of the work are its errors."""
        waiting: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(lg_code, deque())
        line.append((one, waiting))
        if lg_code not in self._serving:
            self._serving[lg_code] = asyncio.create_task(self._serve(lg_code, line))
        # The caller may hang up; the work is done all the same, and a repeat gets its answer.
        return await asyncio.shield(waiting)

    async def close(self) -> None:
        """Finish what waits."""
        await asyncio.gather(*self._serving.values(), return_exceptions=True)

    async def _serve(self, lg_code: str, line: "deque[tuple[T, asyncio.Future[R]]]") -> None:
        try:
            while line:
                group = [line.popleft() for _ in range(min(len(line), TOGETHER))]
                await self._serve_group(lg_code, group)
        finally:
            del self._serving[lg_code], self._lines[lg_code]

    async def _serve_group(
        self, lg_code: str, group: "Sequence[tuple[T, asyncio.Future[R]]]"
    ) -> None:
        things = [thing for thing, _ in group]
        [done] = await asyncio.gather(self._work(lg_code, things), return_exceptions=True)
        if not isinstance(done, BaseException):
            for (_, waiting), answer in zip(group, done, strict=True):
                if not waiting.done():
                    waiting.set_result(answer)
        elif len(group) == 1:
            group[0][1].set_exception(done)
        else:
            # One thing's trouble is not its neighbours': each tries for itself.
            for one in group:
                await self._serve_group(lg_code, [one])
