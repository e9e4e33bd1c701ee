"""What a page costs its browser, by the browser's own figures."""

import json
from statistics import median
from typing import Any

from playwright.sync_api import CDPSession, Page

_LOOKS = 4


class Inspector:
    """The browser's view of one page and its worker. Times are those of the page's main thread on a processor, which
    other programs on the machine don't lengthen."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._workers: list[str] = []
        self._answers: dict[int, Any] = {}
        self._number = 0
        self._session.on("Target.attachedToTarget", self._attach)
        self._session.on("Target.receivedMessageFromTarget", self._receive)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._session.send(
            "Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
        )
        self._page = page

    def busy_s(self) -> float:
        """How long the main thread has worked so far."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    def heaps(self) -> tuple[int, int]:
        """Bytes that the page's objects and those of its worker need, after a collection of garbage: the least of
        some looks, since what has just left the screen goes with a later frame."""
        [worker] = self._workers
        looks = []
        for _ in range(_LOOKS):
            self._page.evaluate("new Promise(requestAnimationFrame)")
            self._session.send("HeapProfiler.collectGarbage")
            self._ask(worker, "HeapProfiler.collectGarbage")
            page = self._session.send("Runtime.getHeapUsage")
            looks.append((_bytes(page), _bytes(self._ask(worker, "Runtime.getHeapUsage"))))
        return min(page for page, _ in looks), min(worker for _, worker in looks)

    def _ask(self, session: str, method: str) -> Any:
        self._number += 1
        message = json.dumps({"id": self._number, "method": method})
        self._session.send("Target.sendMessageToTarget", {"sessionId": session, "message": message})
        while self._number not in self._answers:
            self._page.wait_for_timeout(5)
        return self._answers.pop(self._number)["result"]

    def _attach(self, event: dict[str, Any]) -> None:
        if event["targetInfo"]["type"] == "worker":
            self._workers.append(event["sessionId"])

    def _receive(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[message["id"]] = message


def _bytes(usage: dict[str, float]) -> int:
    return int(usage["usedSize"] + usage["embedderHeapUsedSize"] + usage["backingStorageSize"])


SCROLL = """
async ([steps, by]) => {
  const box = document.querySelector(".rows");
  const frame = () => new Promise(requestAnimationFrame);
  box.scrollTop = 0;
  await frame();
  const frames = [];
  let before = await frame();
  for (let step = 0; step < steps; step++) {
    box.scrollTop += by;
    const now = await frame();
    frames.push(now - before);
    before = now;
  }
  return { frames, reached: box.scrollTop };
}
"""
BARE = """
() => {
  const rows = document.querySelector(".rows");
  const { width, height } = rows.getBoundingClientRect();
  const sheets = [...document.styleSheets].flatMap(sheet => [...sheet.cssRules].map(rule => rule.cssText));
  const shape = `width: ${width}px; height: ${height}px; display: flex; flex-direction: column`;
  const list = `<div style="${shape}"><div class="rows"><ol>${rows.querySelector("ol").innerHTML}</ol></div></div>`;
  return `<!doctype html><html data-theme="system"><style>${sheets.join("")}</style>${list}`;
}
"""
WINDOW = """
([count, ahead]) => {
  const box = document.querySelector(".rows"), list = box.querySelector("ol");
  const rows = [...list.children].filter(row => row.className === "");
  const height = rows[0].offsetHeight, drawn = new Map();
  list.replaceChildren();
  list.style.height = `${count * height}px`;
  const draw = () => {
    const from = Math.max(0, Math.floor((box.scrollTop - ahead) / height));
    const to = Math.min(count, Math.ceil((box.scrollTop + box.clientHeight + ahead) / height));
    for (const [i, row] of drawn) if (i < from || i >= to) drawn.delete(i), row.remove();
    for (let i = from; i < to; i++) {
      if (drawn.has(i)) continue;
      const row = rows[i % rows.length].cloneNode(true);
      row.style.cssText = `position: absolute; inset-inline: 0; top: ${i * height}px`;
      drawn.set(i, list.appendChild(row));
    }
  };
  box.addEventListener("scroll", draw, { passive: true });
  draw();
}
"""
_AHEAD_PX = 900


def scrolled(page: Page, inspector: Inspector, steps: int, by: int = 400) -> tuple[float, float]:
    """For one step of scrolling: the time of the main thread, and from frame to frame (median); in ms."""
    page.bring_to_front()
    before = inspector.busy_s()
    done = page.evaluate(SCROLL, [steps, by])
    assert done["reached"] > 0.7 * steps * by, "the list has an end"
    return (inspector.busy_s() - before) * 1000 / steps, median(done["frames"])


def bare_list(page: Page, count: int) -> Page:
    """A page that has nothing but so many rows that look like those of this one, and draws what is seen of them."""
    bare = page.context.new_page()
    bare.set_viewport_size(page.viewport_size or {"width": 1440, "height": 900})
    bare.set_content(page.evaluate(BARE))
    bare.evaluate(WINDOW, [count, _AHEAD_PX])
    for each in (page, bare):
        each.mouse.move(300, 450)  # over the list, as somebody who scrolls
    return bare


def longest_task_ms(trace: bytes) -> tuple[float, float]:
    """The longest that the main thread of the traced page did one thing: on a processor, and by a wall clock."""
    events = json.loads(trace)["traceEvents"]
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        (each["tdur"] / 1000, each["dur"] / 1000)
        for each in events
        if each["name"] == "ThreadControllerImpl::RunTask" and (each["pid"], each["tid"]) in mains and "tdur" in each
    ]
    assert tasks, "nothing was traced"
    return max(cpu for cpu, _ in tasks), max(wall for _, wall in tasks)
