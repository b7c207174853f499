"""A headless Chromium, started anew for each question."""

import json
import re
import subprocess
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr")

_MEASURE = """
const frame = document.getElementById("frame");
frame.addEventListener("load", () => {
  const page = frame.contentDocument, found = [];
  const labels = '[class$="tick"] text, text[class$="title"], .legendtext, .annotation-text';
  for (const plot of page.querySelectorAll(".js-plotly-plot")) {
    const at = plot.getBoundingClientRect();
    const boxes = [...plot.querySelectorAll(labels)].filter((each) => each.textContent.trim())
      .map((each) => [each.textContent, each.getBoundingClientRect()]);
    boxes.forEach(([text, box], place) => {
      if (box.left < at.left - 1 || box.right > at.right + 1) found.push(`${plot.id}: ${text} is cut off`);
      for (const [other, its] of boxes.slice(place + 1)) {
        const across = Math.min(box.right, its.right) - Math.max(box.left, its.left);
        const down = Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top);
        if (across > 1 && down > 2) found.push(`${plot.id}: ${text} covers ${other}`);
      }
    });
  }
  const root = page.documentElement;
  const answer = {plots: page.querySelectorAll(".main-svg").length, width: frame.contentWindow.innerWidth,
    beyond: root.scrollWidth - root.clientWidth, collisions: found,
    loaded: frame.contentWindow.performance.getEntriesByType("resource").map((each) => each.name)};
  const said = document.createElement("pre");
  said.id = "answer";
  said.textContent = JSON.stringify(answer);
  document.body.append(said);
});
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as a browser shows it: pictures drawn, what collides, what was loaded, what the console says."""

    plots: int
    width: int
    beyond: int
    collisions: list[str]
    loaded: list[str]
    console: list[str]


@dataclass(frozen=True, slots=True)
class Chromium:
    """A browser on this machine; its profile is in a folder of the test."""

    program: str
    folder: Path

    def show(self, page: Path, width: int) -> Shown:
        """Open a page at a width."""
        framed = (
            f'<!doctype html><iframe id="frame" width="{width}" height="900" style="border:0" '
            f'srcdoc="{escape(page.read_text(encoding="utf-8"))}"></iframe>'
        )
        outer = self.folder / "outer.html"
        outer.write_text(
            framed.replace(
                "<iframe", f"<script>addEventListener('DOMContentLoaded',()=>{{{_MEASURE}}})</script><iframe"
            ),
            encoding="utf-8",
        )
        ended = self._run(
            "--dump-dom", "--virtual-time-budget=20000", "--window-size=1500,1000", outer.as_uri()
        )
        (said,) = re.findall(r'<pre id="answer">(.*?)</pre>', ended.stdout)
        return Shown(**json.loads(unescape(said)), console=console_of(ended.stderr))

    def print(self, page: Path, to: Path) -> list[str]:
        """Print a page as PDF, and return what the console said."""
        return console_of(self._run("--no-pdf-header-footer", f"--print-to-pdf={to}", page.as_uri()).stderr)

    def _run(self, *asked: str) -> subprocess.CompletedProcess[str]:
        profile = f"--user-data-dir={self.folder / 'profile'}"
        return subprocess.run(
            [self.program, *_FLAGS, profile, *asked], capture_output=True, text=True, check=True, timeout=120
        )


def console_of(stderr: str) -> list[str]:
    """Return the console messages among the lines of a browser's log."""
    return [line for line in stderr.splitlines() if "CONSOLE" in line]
