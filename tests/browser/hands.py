"""What visitors do that Playwright has no single word for."""

import base64
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

_AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
_TRANSFER = """files => {
    const transfer = new DataTransfer();
    for (const {name, data} of files) {
        const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name));
    }
    return transfer;
}"""
_PIXELS = """async (canvas, [left, top, right, bottom]) => {
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const [x, y] = [Math.floor(left * canvas.width), Math.floor(top * canvas.height)];
    const width = Math.max(1, Math.floor(right * canvas.width) - x);
    const height = Math.max(1, Math.floor(bottom * canvas.height) - y);
    const copy = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, -x, -y);
    return [...copy.getImageData(0, 0, width, height).data];
}"""
_COLOUR = """name => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const found = getComputedStyle(probe).color.match(/[0-9]+/g).map(Number);
    probe.remove();
    return [...found, 255];
}"""


def drop(page: Page, *files: Path) -> None:
    """Drop these files somewhere on the page."""
    packed = [{"name": file.name, "data": base64.b64encode(file.read_bytes()).decode()} for file in files]
    transfer = page.evaluate_handle(_TRANSFER, packed)
    page.dispatch_event("h1", "dragenter", {"dataTransfer": transfer})
    page.dispatch_event("h1", "drop", {"dataTransfer": transfer})


def choose(page: Page, file: Path) -> None:
    """The same through the button, for large files."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)


def answered(page: Page, panel: int = 0) -> Locator:
    """The panel of a result, once it is there."""
    found = page.locator("article.panel").nth(panel)
    expect(found.locator(".verdict h3")).to_be_visible()
    return found


def refused(page: Page) -> Locator:
    found = page.locator("article.panel").get_by_role("alert")
    expect(found).to_be_visible()
    return found


def pixel(canvas: Locator, x: float, y: float) -> list[int]:
    """Red, green, blue and opacity at a place of a canvas, from 0 to 1 both ways."""
    found: list[int] = canvas.evaluate(_PIXELS, [x, y, x, y])
    return found


def is_drawn(canvas: Locator, x: float, down_to: float) -> bool:
    """Whether there is anything in this column of a canvas, from its top to a part of its height."""
    return any(canvas.evaluate(_PIXELS, [x, 0, x, down_to]))


def until(holds: Callable[[], bool], timeout_s: float = 30) -> None:
    """Wait for what Playwright cannot expect. Its own `wait_for_function` needs `eval`, which the pages forbid."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def colour(page: Page, name: str) -> list[int]:
    """A custom property of the style sheet, as `pixel` has it."""
    found: list[int] = page.evaluate(_COLOUR, name)
    return found


def time_s(panel: Locator) -> float:
    """Where the sound plays."""
    value = panel.get_by_role("slider", name="Position in the sound").get_attribute("aria-valuenow")
    return float(value or "nan")


def barriers(page: Page) -> list[str]:
    """What axe-core finds serious or worse."""
    page.evaluate(_AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
