"""What is asked of every page in a browser: axe with explicit tags, and what axe cannot see."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: Without explicit tags axe leaves out the target sizes of WCAG 2.2.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: Only what is violated is worked out in full: all else would take a third of the time again.
AXE = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
NARROW, PHONE, HEIGHT = 320, 390, 844
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, summary, input, select, textarea')]
  .filter(e => e.offsetParent && e.type !== 'hidden' && !e.closest('.skip, .unseen'))
  .map(e => [e.closest('.choice') || e, e])
  .filter(([box, e]) => getComputedStyle(e).display !== 'inline')
  .map(([box, e]) => [box.getBoundingClientRect(), e.outerHTML.slice(0, 90)])
  .filter(([r]) => r.height < 43.5 || r.width < 43.5)
  .map(([r, html]) => `${r.width}x${r.height} ${html}`)"""
SMALL_TEXTS = """() => [...document.querySelectorAll('body *')]
  .filter(e => e.tagName !== 'RT' && e.tagName !== 'STYLE' && !e.closest('.unseen, svg'))
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .filter(e => parseFloat(getComputedStyle(e).fontSize) < 15.9)
  .map(e => getComputedStyle(e).fontSize + ' ' + e.outerHTML.slice(0, 90))"""
FOCUS = """() => {
  // Past the last stop, where the browser itself is next.
  if (document.activeElement === document.body) return null;
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  const box = e.closest('.choice') || e, b = getComputedStyle(box);
  // A style of none has a width all the same; one that nobody can see is none.
  const seen = (o) => o.outlineStyle !== 'none' && !/^rgba.*, 0[)]$|transparent/.test(o.outlineColor);
  const ring = Math.max(...[s, b].map((o) => seen(o) ? parseFloat(o.outlineWidth) : 0));
  const at = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
  const free = !at || e.contains(at) || at.contains(e) || box.contains(at);
  return {ring, free, inside: r.bottom > 0 && r.top < innerHeight, html: e.outerHTML.slice(0, 90)};
}"""
#: Another distance of letters and lines, as WCAG 1.4.12 lets everybody set it; what is cut off.
SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
    word-spacing: .16em !important } p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet];
  const cut = [...document.querySelectorAll('body *')]
    .filter(e => !e.closest('.unseen, svg') && e.offsetParent)
    .filter(e => ['hidden', 'clip'].includes(getComputedStyle(e).overflowX)
      && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1))
    .map(e => e.outerHTML.slice(0, 90));
  document.adoptedStyleSheets = [];
  return cut;
}"""
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"
TALL = "document.documentElement.scrollHeight"
_STOPS = """[...document.querySelectorAll(
  'a[href], button, summary, input:not([type=hidden]), select, textarea')]
  .filter(e => e.checkVisibility() || e.matches('.skip')).length"""

_LOOK_AT_STOPS = f"""() => {{
  window.stopsSeen = [];
  addEventListener('keyup', (event) => event.key === 'Tab' && stopsSeen.push(({FOCUS})()), true);
  return {_STOPS};
}}"""


def axe_complaints(page: Page) -> str:
    """What axe finds against WCAG 2.2 AA and good practice; empty when nothing."""
    result = Axe().run(page, options=AXE)
    return "" if result.violations_count == 0 else f"{page.url}\n{result.generate_report()}"


def hidden_stops(page: Page) -> list[object]:
    """Where the Tab key leads without a ring, under something, or out of the window.

    The page itself looks as soon as the key is up: to ask it from outside costs as much as the key.
    """
    number = page.evaluate(_LOOK_AT_STOPS)
    for _ in range(number):
        page.keyboard.press("Tab")
    found = page.evaluate("stopsSeen")
    stops = [one for one in found if one is not None]
    hidden = [one for one in stops if one["ring"] < 2 or not one["free"] or not one["inside"]]
    # A key that no element of the page heard has left the page.
    return [*hidden, *(["left the page"] * (number - len(found)))]


def complaints(page: Page) -> list[object]:
    """Everything that is wrong with the page that is open; the window is a phone afterwards."""
    found: list[object] = []
    page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    if (over := page.evaluate(SIDEWAYS)) > 0:
        found.append(f"scrolls sideways at {NARROW} px: {over}")
    page.set_viewport_size({"width": PHONE, "height": HEIGHT})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    if (over := page.evaluate(SIDEWAYS)) > 0:
        found.append(f"scrolls sideways with letters twice as large: {over}")
    page.evaluate("document.documentElement.style.fontSize = ''")
    found += [f"cut off: {html}" for html in page.evaluate(SPACED)]
    found += [f"small to press: {html}" for html in page.evaluate(SMALL_TARGETS)]
    found += [f"small to read: {html}" for html in page.evaluate(SMALL_TEXTS)]
    found += hidden_stops(page)
    page.emulate_media(reduced_motion="reduce", forced_colors="active")
    if page.evaluate("document.getAnimations().length"):
        found.append("moves although no motion is wanted")
    page.emulate_media(reduced_motion="null", forced_colors="null")
    # As tall as the page: what lies below the bar now is free after scrolling.
    page.set_viewport_size({"width": PHONE, "height": max(page.evaluate(TALL), HEIGHT)})
    if said := axe_complaints(page):
        found.append(said)
    page.set_viewport_size({"width": PHONE, "height": HEIGHT})
    return found
