"""Files too long to wait for: the page sends them as jobs, says how far these are, and shows the same answer."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from audiocnn import Classifier
from audiocnn.spec import AudioSpec
from tests.audio_files import encoded, music, noise, tone, wav_bytes
from tests.browser.conftest import watched
from tests.browser.hands import answered, barriers, choose, drop, is_drawn, refused, until
from tests.conftest import tiny_spec, write_model
from tests.service.server import Server, running_service


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that takes seconds for two minutes of sound: a window for every 16 ms."""
    dense = AudioSpec(sample_rate=16_000, window=8000, hop=250)
    return write_model(tmp_path_factory.mktemp("slow"), tiny_spec(name="slow", input=dense))


@pytest.fixture(scope="module")
def settings(tiny_model: Path, slow_model: Path) -> dict[str, Any]:
    models = {"model": tiny_model, "models": slow_model}
    return {**models, "max_upload_bytes": 400_000, "max_duration_s": 5, "job_lease_s": 1, "keep_alive_s": 1}


@pytest.fixture(scope="module")
def server(settings: dict[str, Any]) -> Iterator[Server]:
    with running_service(**settings) as server:
        yield server


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight minutes, which are hours to the slow model."""
    path = tmp_path_factory.mktemp("hours") / "hours.wav"
    path.write_bytes(wav_bytes(noise(480)))
    return path


@contextmanager
def visit(browser: Browser, server: Server, model: str = "tiny") -> Iterator[Page]:
    with browser.new_context(base_url=server.url) as context:
        page = context.new_page()
        faults = watched(page, server.url)
        page.goto("/")
        expect(page.get_by_text("tells apart")).to_be_visible()
        page.get_by_label("Model", exact=True).select_option(model)
        yield page
        assert faults == []


def at_work(page: Page, says: str) -> Locator:
    job = page.locator("article.panel .job")
    expect(job.get_by_role("status")).to_contain_text(says)
    return job


def started(page: Page, file: Path) -> str:
    """The address of the job that the page makes of `file`."""
    with page.expect_response("**/v1/jobs?*") as response:
        choose(page, file)
    return response.value.headers["location"]


def test_a_long_file_has_the_answer_of_a_short_one(page: Page, tiny_model: Path, tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    song.write_bytes(wav_bytes(music(10)))
    asked = []
    page.on("request", lambda request: asked.append(request.method + request.url.split("?")[0]))
    page.goto("/")
    expect(page.get_by_text("tells apart")).to_be_visible()
    page.get_by_label("Model", exact=True).select_option("tiny")
    drop(page, song)
    panel = answered(page)
    result = Classifier.load(tiny_model).classify(song.read_bytes())
    expect(panel.locator(".verdict h3")).to_have_text(result.labels[0] if result.labels else "Not sure")
    expect(panel.locator(".time")).to_have_text("0:00.0 / 0:10.0")
    expect(panel.locator(".job")).to_be_hidden()
    assert is_drawn(panel.locator(".waveform"), 0.5, 0.8)
    assert is_drawn(panel.locator(".band"), 0.5, 0.8)
    assert is_drawn(panel.locator(".lanes"), 0.5, 1)
    with page.expect_download() as download:
        panel.get_by_role("button", name="JSON").click()
    body = json.loads(download.value.path().read_text("utf-8"))
    expected = result.to_json(segments=True, top_k=len(body["predictions"]))
    assert body["segments"] == expected["segments"]
    expect(page.locator("#inside").get_by_role("button")).to_have_text([re.compile("^Look inside 0:00")])
    url = page.url.rstrip("/")
    assert f"POST{url}/classify" not in asked, "the browser knows that it is too long"
    removed = f"DELETE{url}/v1/jobs/"
    until(lambda: page.evaluate("1") == 1 and any(one.startswith(removed) for one in asked))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ten-seconds.aiff", "large.wav"])
def test_what_only_the_service_can_measure_is_sent_again(
    browser: Browser, server: Server, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    file.write_bytes(encoded(tone(seconds=10), format="AIFF") if name.endswith("aiff") else wav_bytes(tone(seconds=30)))
    with visit(browser, server) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        drop(page, file)
        panel = answered(page)
        assert any("/classify?" in url for url in asked) == name.endswith("aiff")
        expect(panel.locator("header .quiet")).to_contain_text("10 s" if name.endswith("aiff") else "30 s")
        expect(panel.locator(".band")).to_be_visible()


@pytest.mark.slow
def test_it_says_how_far_it_is_and_can_be_cancelled(browser: Browser, server: Server, hours: Path) -> None:
    with visit(browser, server, "slow") as page:
        first = started(page, hours)
        job = at_work(page, "The service is listening")
        expect(job).to_contain_text("of 8:00")
        until(lambda: float(job.get_by_role("progressbar").get_attribute("value") or 0) > 0)
        assert barriers(page) == []
        with visit(browser, server, "slow") as other:
            second = started(other, hours)
            at_work(other, "Others come first").get_by_role("button", name="Cancel").click()
            expect(refused(other)).to_contain_text("Cancelled")
            expect(other.get_by_role("button", name="Try again")).to_be_focused()
            until(lambda: server.client.get(second).json()["state"] == "cancelled")
        job.get_by_role("button", name="Cancel").press("Enter")
        until(lambda: server.client.get(first).json()["state"] == "cancelled")
        expect(job).to_be_hidden()
        page.get_by_role("button", name="Try again").click()
        at_work(page, "The service is listening").get_by_role("button", name="Cancel").click()


@pytest.mark.slow
def test_another_file_takes_the_place_of_a_job(browser: Browser, server: Server, hours: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    short.write_bytes(wav_bytes(tone(seconds=1)))
    with visit(browser, server, "slow") as page:
        job_at = started(page, hours)
        job = at_work(page, "The service is listening")
        drop(page, short)
        expect(answered(page).get_by_role("heading", name="short.wav")).to_be_visible()
        expect(job).to_be_hidden()
        until(lambda: server.client.get(job_at).json()["state"] == "cancelled")


@pytest.mark.slow
def test_a_job_outlives_the_page_and_the_file_can_come_back(browser: Browser, server: Server, tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    long.write_bytes(wav_bytes(noise(120)))
    with visit(browser, server, "slow") as page:
        job_at = started(page, long)
        at_work(page, "The service is listening")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
        page.goto("/lectures")
        page.go_back()
        job = at_work(page, "The service is listening")
        expect(job).to_contain_text("You may leave this page and come back to it in this tab.")
        page.reload()
        at_work(page, "The service is listening")
        expect(page.get_by_label("Model", exact=True)).to_have_value("slow")
        panel = answered(page)
        expect(panel.get_by_role("heading", name="long.wav")).to_be_visible()
        expect(panel.locator(".time")).to_have_text("0:00.0 / 2:00.0")
        expect(panel.locator(".band")).to_be_visible()
        expect(panel.get_by_role("button", name="Play", exact=True)).to_be_disabled()
        expect(panel).to_contain_text("Choose the same file again to see and hear it")
        expect(page.locator("#inside")).to_be_hidden()
        expect(panel.get_by_role("button", name="another model")).to_be_hidden()
        assert panel.locator(".waveform").evaluate("canvas => canvas.clientHeight") == 22, "the ruler alone"
        assert barriers(page) == []
        until(lambda: server.client.get(job_at).status_code == 404)  # removed, as after any answer

        choose(page, long)
        until(lambda: is_drawn(panel.locator(".waveform"), 0.5, 0.4))
        expect(panel.get_by_role("button", name="Play", exact=True)).to_be_enabled()
        expect(panel.get_by_text("Choose the same file again")).to_be_hidden()
        expect(page.locator("#inside")).to_be_visible()
        assert not [url for url in asked if "lectures" not in url], "nothing was sent again"

        page.reload()
        expect(page.get_by_text("tells apart")).to_be_visible()
        expect(page.locator("article.panel")).to_have_count(0)


@pytest.mark.slow
def test_without_the_file_there_is_no_other_model_and_no_other_try(
    browser: Browser, server: Server, hours: Path
) -> None:
    with visit(browser, server, "slow") as page:
        job_at = started(page, hours)
        at_work(page, "The service is listening")
        page.reload()
        at_work(page, "The service is listening")
        page.get_by_label("Model", exact=True).select_option("tiny")
        expect(refused(page)).to_contain_text("The page does not have this file any more")
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)
        until(lambda: server.client.get(job_at).json()["state"] == "cancelled")
        page.get_by_label("Model", exact=True).select_option("slow")
        job_at = started(page, hours)  # the same file, and it is asked about anew
        at_work(page, "The service is listening").get_by_role("button", name="Cancel").click()
        until(lambda: server.client.get(job_at).json()["state"] == "cancelled")


@pytest.mark.slow
def test_a_job_that_was_left_is_cancelled_by_a_file_that_comes_first(
    browser: Browser, server: Server, hours: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.wav"
    short.write_bytes(wav_bytes(tone(seconds=1)))
    with visit(browser, server, "slow") as page:
        job_at = started(page, hours)
        at_work(page, "The service is listening")
        waiting: list[Route] = []
        page.route("**/v1/models", lambda route: waiting.append(route))
        page.reload()
        drop(page, short)
        until(lambda: page.evaluate("1") == 1 and len(waiting) > 0)
        waiting[0].continue_()
        expect(answered(page).get_by_role("heading", name="short.wav")).to_be_visible()
        until(lambda: server.client.get(job_at).json()["state"] == "cancelled")


@pytest.mark.slow
def test_the_page_warns_who_leaves_while_a_file_is_on_its_way(browser: Browser, server: Server, hours: Path) -> None:
    with visit(browser, server, "slow") as page:
        page.route("**/v1/jobs?*", lambda route: None)  # it never arrives
        choose(page, hours)
        job = at_work(page, "on its way")
        expect(job).to_contain_text("Keep this page open until it has arrived.")
        with page.expect_event("dialog") as dialog:
            page.evaluate("setTimeout(() => location.reload())")
        assert dialog.value.type == "beforeunload"
        dialog.value.dismiss()
        job.get_by_role("button", name="Cancel").click()
        expect(refused(page)).to_contain_text("Cancelled")
        page.on("dialog", lambda dialog: pytest.fail("nothing is lost now"))
        page.reload()
        expect(page.get_by_text("tells apart")).to_be_visible()


@pytest.mark.slow
def test_a_damaged_file_and_a_lost_job_are_told_in_plain_words(
    browser: Browser, server: Server, hours: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.wav"
    letter.write_text("Dear network, " * 50_000)
    with visit(browser, server, "slow") as page:
        choose(page, letter)
        expect(refused(page)).to_contain_text("This is not a sound we can read")
        job_at = started(page, hours)
        at_work(page, "The service is listening")
        server.client.delete(job_at)
        expect(refused(page)).to_contain_text("The service no longer knows this file")
        expect(page.get_by_role("button", name="Try again")).to_be_enabled()


@pytest.mark.slow
def test_a_service_that_dies_goes_on_where_it_was(browser: Browser, settings: dict[str, Any], tmp_path: Path) -> None:
    kept = {**settings, "jobs_dir": tmp_path / "jobs"}
    long = tmp_path / "long.wav"
    long.write_bytes(wav_bytes(noise(120)))
    with running_service(**kept) as server, visit(browser, server, "slow") as page:
        choose(page, long)
        at_work(page, "The service is listening")
        server.process.kill()
        server.process.wait()
        at_work(page, "The service does not answer just now")
        with running_service(port=server.port, **kept):
            panel = answered(page)
            expect(panel.locator(".time")).to_have_text("0:00.0 / 2:00.0")
            expect(panel.locator(".band")).to_be_visible()
