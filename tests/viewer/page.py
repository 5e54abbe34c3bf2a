"""The viewer's page in a headless browser, as a user works with it."""

import io
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

BROWSER, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
WINDOW = (1000, 1000)
LOAD_SECONDS = 120.0
AFTER_TYPING = 0.5  # the page sends typed text a little later than clicks
STEADY_SECONDS = 2.5
REDRAWS = 10
PICTURE_PIXELS, FINE_PIXELS = 264, 200  # of the longer side: of fine pictures, and at least

Answer = TypeVar("Answer")


def patiently(action: Callable[..., Answer]) -> Callable[..., Answer]:
    """The page redraws its fields at any time: do the same again if one vanished meanwhile."""

    @wraps(action)
    def repeated(*arguments: Any) -> Answer:
        for _ in range(REDRAWS):
            with suppress(StaleElementReferenceException):
                return action(*arguments)
            time.sleep(0.2)
        return action(*arguments)

    return repeated


class ViewerPage:
    """One browser window.

    Args:
        profile: empty folder for the browser's own files.
        screenshots: folder that `screenshot` writes to.
    """

    def __init__(self, profile: Path, screenshots: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(BROWSER)
        for flag in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            f"--user-data-dir={profile}",
            "--window-size={},{}".format(*WINDOW),
        ):
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options, Service(str(DRIVER)))
        self.screenshots = screenshots

    def open(self, address: str, panel: str) -> None:
        """Load the page, wait for words of the panel and a first picture, and let pictures be small."""
        self.driver.get(address)
        wait_for(lambda: panel in self.text(), "the panel", LOAD_SECONDS)
        wait_for(lambda: self.chosen("Output type") == "rgb", "a first picture", LOAD_SECONDS)
        self.fill("Max res", str(PICTURE_PIXELS))

    @patiently
    def text(self) -> str:
        """All words on the page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def field(self, label: str) -> WebElement:
        """The first input after a label."""
        path = f"//label[normalize-space()='{label}']/following::input[not(@type='hidden')][1]"
        return self.driver.find_element(By.XPATH, path)

    @patiently
    def chosen(self, label: str) -> str:
        """What stands in a field."""
        return self.field(label).get_attribute("value") or ""

    @patiently
    def fill(self, label: str, words: str) -> None:
        """Type into a field, instead of what was there."""
        field = self.field(label)
        self.bring_into_view(field)
        field.click()
        field.send_keys("\ue009a\ue000", words)  # control and a, then the words
        time.sleep(AFTER_TYPING)

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a dropdown."""
        field = self.field(label)
        self.bring_into_view(field)
        field.click()
        path = f"//*[@role='option'][normalize-space()='{option}']"
        wait_for(lambda: bool(self.driver.find_elements(By.XPATH, path)), f"option {option}", 10.0)
        self.driver.find_element(By.XPATH, path).click()
        time.sleep(AFTER_TYPING)

    @patiently
    def tick(self, label: str) -> None:
        """Tick a box, or take the tick back."""
        box = self.field(label)
        self.bring_into_view(box)
        box.click()
        time.sleep(AFTER_TYPING)

    @patiently
    def press(self, label: str) -> None:
        """Press a button."""
        button = self.driver.find_element(By.XPATH, f"//button[normalize-space()='{label}']")
        self.bring_into_view(button)
        button.click()

    def bring_into_view(self, element: WebElement) -> None:
        """Scroll the control panel."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)

    @patiently
    def status(self) -> str:
        """The panel's status line."""
        path = "//p[starts-with(normalize-space(), 'Status:')]"
        return self.driver.find_element(By.XPATH, path).text

    def wait_for_status(self, words: str, seconds: float = 60.0) -> str:
        """The status line once it has these words."""
        wait_for(lambda: words in self.status(), f"'{words}' in the status line", seconds)
        return self.status()

    def canvas(self) -> WebElement:
        """The 3D picture; a canvas before it spans the panel as well."""
        return self.driver.find_elements(By.TAG_NAME, "canvas")[-1]

    def click_canvas(self, x: float, y: float) -> None:
        """Click at a place, both coordinates in [0, 1]."""
        ActionChains(self.driver).move_to_element_with_offset(
            self.canvas(), *self._offset(x, y)
        ).click().perform()

    def drag_canvas(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from place to place, coordinates in [0, 1]."""
        (x, y), (right, bottom) = self._offset(*start), self._offset(*end)
        drag = ActionChains(self.driver).move_to_element_with_offset(self.canvas(), x, y)
        drag.click_and_hold().move_by_offset((right - x) // 2, (bottom - y) // 2)
        drag.move_by_offset(right - x - (right - x) // 2, bottom - y - (bottom - y) // 2)
        drag.release().perform()

    def _offset(self, x: float, y: float) -> tuple[int, int]:
        """Pixels from the canvas's centre."""
        size = self.canvas().size
        return round((x - 0.5) * size["width"]), round((y - 0.5) * size["height"])

    def screenshot(self, name: str) -> Path:
        """Save the whole window as a PNG file."""
        path = self.screenshots / f"{name}.png"
        self.driver.save_screenshot(str(path))
        return path

    def picture(self) -> Float[np.ndarray, "height width 3"]:
        """The middle of the 3D picture in [0, 1], once it is no quick coarse one and holds still."""
        latest = self._picture_now()
        steady_since = time.monotonic()
        end = time.monotonic() + LOAD_SECONDS
        while time.monotonic() - steady_since < STEADY_SECONDS:
            assert time.monotonic() < end, "the picture never held still"
            time.sleep(0.3)
            now = self._picture_now()
            if np.abs(now - latest).max() > 0.02 or self._is_coarse():
                latest, steady_since = now, time.monotonic()
        return latest

    def _is_coarse(self) -> bool:
        """Whether the host says that it shows few pixels, as it does first after every change."""
        told = re.search(r"Resolution: (\d+)x(\d+)", self.text())
        return told is not None and max(int(told[1]), int(told[2])) < FINE_PIXELS

    def _picture_now(self) -> Float[np.ndarray, "height width 3"]:
        shot = Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")
        pixels = np.asarray(shot, dtype=np.float64) / 255.0
        height, width = pixels.shape[:2]
        return pixels[height // 4 : -height // 4, width // 8 : width * 5 // 8]

    def close(self) -> None:
        """End the browser."""
        self.driver.quit()


def wait_for(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Return when the condition holds; fail if it does not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
