"""A browser for each file of tests: Debian's Chromium, driven by Playwright. Without one the tests are skipped."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from audiocnn.spec import Quantity, TaskSpec
from tests.audio_files import music, silence, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.service.server import Server, running_service

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",  # CI runs as root
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


expect.set_options(timeout=30_000)  # machines of CI are busy


@pytest.fixture(scope="session")
def tags_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tags"), tiny_spec("multi_label", name="tags"))


@pytest.fixture(scope="session")
def tempo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = TaskSpec("regression", ("tempo",), (Quantity("BPM", 30, 300, 120, 30),))
    return write_model(tmp_path_factory.mktemp("tempo"), tiny_spec(name="tempo", task=task))


@pytest.fixture(scope="session")
def server(tiny_model: Path, tags_model: Path, tempo_model: Path) -> Iterator[Server]:
    with running_service(models=f"digits,moving-digits,{tiny_model},{tags_model},{tempo_model}") as server:
        yield server


@pytest.fixture(scope="module")  # no longer: while it runs, nothing else in this process may use asyncio
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (apt-get install chromium): nothing here tests the pages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Iterator[Page]:
    """A page that must stay quiet: no error in the console, no violation of its policy, no request to elsewhere."""
    page = context.new_page()
    faults = watched(page, server.url)
    yield page
    assert faults == []


def watched(page: Page, url: str) -> list[str]:
    """What goes wrong in `page` from now on; answers that are problems are told to the visitor and are no fault."""
    faults: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            faults.append(message.text)

    def see(request: Request) -> None:
        if not request.url.startswith((url, "blob:", "data:")):
            faults.append(f"asked {request.url}")

    page.on("console", hear)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", see)
    return faults


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`song.wav`: music from 0 to 8 s, silence to 16 s, music to 24 s."""
    sound = [music(8, 16_000, seed=1), silence(8, 16_000), music(8, 16_000, seed=2)]
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    path.write_bytes(wav_bytes([sample for part in sound for sample in part[0]], 16_000))
    return path
