"""What visitors are told when something is wrong: plain words, and what to do."""

import hashlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.audio_files import tone, wav_bytes
from tests.browser.conftest import watched
from tests.browser.hands import answered, choose, drop, refused
from tests.service.server import Server, running_service

KEY = "a-key-of-ours"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def small_server() -> Iterator[Server]:
    job_limits = {"max_job_bytes": 500_000, "max_job_duration_s": 8}
    with running_service(
        max_upload_bytes=400_000, max_duration_s=5, drain_s=60, keep_alive_s=1, **job_limits
    ) as server:
        yield server


def visit(browser: Browser, server: Server) -> tuple[Page, list[str]]:
    page = browser.new_context(base_url=server.url).new_page()
    faults = watched(page, server.url)
    page.goto("/")
    expect(page.get_by_text("tells apart")).to_be_visible()
    return page, faults


def test_a_file_that_is_no_sound(page: Page, tmp_path: Path) -> None:
    letter = tmp_path / "letter.wav"
    letter.write_text("Dear network, " * 50)
    page.goto("/")
    drop(page, letter)
    said = refused(page)
    expect(said).to_contain_text("This is not a sound we can read")
    expect(said).to_contain_text("Try WAV, FLAC, MP3 or Ogg")
    expect(page.locator(".verdict h3")).to_have_count(0)


def test_a_file_for_another_model_leads_to_that_model(page: Page) -> None:
    page.goto("/")
    choose(page, EXAMPLES / "south.mp4")
    refused(page).get_by_role("button", name="Use the model “moving-digits”").click()
    expect(answered(page).locator(".verdict h3")).to_have_text("south")
    expect(page.locator("article.panel").get_by_role("alert")).to_be_hidden()


@pytest.mark.slow
def test_too_much_then_a_drain_then_nobody(browser: Browser, small_server: Server, tmp_path: Path) -> None:
    long, large, good = tmp_path / "long.wav", tmp_path / "large.wav", tmp_path / "good.wav"
    long.write_bytes(wav_bytes(tone(seconds=10)))
    large.write_bytes(wav_bytes(tone(seconds=20)))
    good.write_bytes(wav_bytes(tone(seconds=2)))
    page, faults = visit(browser, small_server)
    drop(page, long)
    expect(refused(page)).to_contain_text("This recording is too long")
    drop(page, large)
    expect(refused(page)).to_contain_text("This file is too large")
    drop(page, good)
    answered(page)
    expect(page.get_by_text("about to stop")).to_be_hidden()

    small_server.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 50
    while small_server.client.get("/readyz").status_code != 503:
        assert time.monotonic() < deadline
    drop(page, good)
    answered(page)
    expect(page.get_by_text("The service is about to stop")).to_be_visible()

    small_server.process.send_signal(signal.SIGTERM)
    small_server.process.wait(60)
    drop(page, good)
    said = refused(page)
    expect(said).to_contain_text("The service does not answer")
    expect(said.get_by_role("button", name="Try again")).to_be_enabled()
    assert faults == []
    page.context.close()


@pytest.mark.slow
def test_a_service_with_keys_asks_for_one(browser: Browser, tmp_path: Path) -> None:
    good = tmp_path / "good.wav"
    good.write_bytes(wav_bytes(tone(seconds=1)))
    with running_service(api_keys=hashlib.sha256(KEY.encode()).hexdigest()) as server:
        assert httpx.get(f"{server.url}/v1/models").status_code == 401
        page = browser.new_context(base_url=server.url).new_page()
        faults = watched(page, server.url)
        page.goto("/")
        page.get_by_label("API key").fill("wrong")
        page.get_by_role("button", name="Use it").click()
        expect(page.get_by_text("this API key is not known")).to_be_visible()
        page.get_by_label("API key").fill(KEY)
        page.get_by_role("button", name="Use it").click()
        expect(page.get_by_text("tells apart")).to_be_visible()
        drop(page, good)
        answered(page)
        page.get_by_role("link", name="Limits").click()
        expect(page.get_by_role("dialog")).to_contain_text("Four genres")
        assert faults == []
        page.context.close()
