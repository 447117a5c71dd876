/* What the page does beyond what it is: playing, following, selecting, copying, keys. All of it works on what the
   server sent; nothing is loaded from elsewhere, and nothing here makes markup out of text. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const published = "published" in root.dataset; // as files: there is nobody to ask for anything
  root.classList.add("scripted");
  for (const e of document.querySelectorAll(".needs-script")) e.hidden = false;

  const clock = (ms) => {
    const s = Math.floor(ms / 1000);
    const two = (n) => String(n).padStart(2, "0");
    return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  };
  let saying = 0;
  const say = (text, ms = 2500) => {
    $("said").textContent = text;
    clearTimeout(saying);
    saying = setTimeout(() => ($("said").textContent = ""), ms);
  };
  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      if (!done) return say("The browser does not let this page copy");
    }
    say(`${what} copied`);
  };
  const kept = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  };
  const keep = (name, value) => {
    try {
      localStorage.setItem(name, value);
    } catch {}
  };
  const citation = async (address) => {
    const answer = await fetch(`/api/quotes/${address}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const { citations } = await answer.json();
    return citations[kept("style")] ?? citations.plain;
  };

  // -- one sound at a time: the page's own player, or a hidden one for results --------------------

  const media = $("media") || document.createElement("audio");
  const onPage = Boolean($("media"));
  window.player = media; // for desk.js, which asks what of it was played
  window.say = say;
  let until = null; // ms, where a quote ends
  let button = null;

  const seek = (ms) => {
    const go = () => (media.currentTime = ms / 1000);
    if (media.readyState >= 1) go();
    else {
      media.addEventListener("loadedmetadata", go, { once: true });
      media.load();
    }
  };
  const start = () => media.play().catch(() => say("The recording cannot be played just now"));
  const playFrom = (ms, endMs) => {
    until = endMs ?? null;
    seek(ms);
    start();
  };
  const toggle = () => {
    if (!media.currentSrc && !media.src) return;
    if (media.paused) start();
    else media.pause();
  };
  const unmark = () => button && button.classList.remove("now");

  const playHit = (link) => {
    const { play: src, from, to, title } = link.dataset;
    if (button === link && !media.paused) return media.pause();
    unmark();
    button = link;
    link.classList.add("now");
    if (media.getAttribute("src") !== src) media.src = src;
    $("bar").hidden = false;
    $("bar-title").textContent = title;
    $("bar-title").href = link.href;
    playFrom(Number(from), Number(to));
  };

  media.addEventListener("timeupdate", () => {
    const ms = media.currentTime * 1000;
    if (until !== null && ms >= until && !media.seeking) {
      until = null;
      media.pause();
    }
    if (!onPage) $("bar-time").textContent = clock(ms);
  });
  for (const kind of ["play", "pause", "ended"]) {
    media.addEventListener(kind, () => {
      const paused = media.paused;
      $("bar-play").setAttribute("aria-label", paused ? "Play" : "Pause");
      if (paused) unmark();
      else if (button) button.classList.add("now");
    });
  }
  media.addEventListener("error", () => say("The recording cannot be played just now"));
  $("bar-play").addEventListener("click", toggle);
  $("bar-close").addEventListener("click", () => {
    media.pause();
    $("bar").hidden = true;
  });
  if (onPage && media.dataset.from) {
    const first = Number(media.dataset.from);
    const last = Number(media.dataset.to);
    media.addEventListener("play", () => {
      const ms = media.currentTime * 1000;
      if (ms < first - 50 || ms >= last - 50) seek(ms >= last - 50 && ms < last + 500 ? first : ms);
      if (media.currentTime * 1000 < last) until = last;
    });
    seek(first);
    if (location.hash === "#play") media.focus();
  }

  // -- a meeting: words by their place in the text, found when they are needed ---------------------

  const transcript = $("transcript");
  const turns = transcript ? [...transcript.querySelectorAll(".turn")] : [];
  const starts = turns.map((t) => Number(t.dataset.at));
  const read = new WeakMap();

  // The words of a paragraph: where each stands in its text, and when it is said.
  const wordsOf = (said) => {
    let known = read.get(said);
    if (known) return known;
    const text = said.textContent;
    const times = said.dataset.t ? said.dataset.t.split(" ") : [];
    known = [];
    let at = 0;
    let ms = Number(said.parentElement.dataset.at);
    const pattern = /\S+/g;
    for (let i = 0, found; (found = pattern.exec(text)); i++) {
      at = found.index;
      const time = times[i];
      if (time && time !== "-") {
        const [after, length] = time.split("+").map(Number);
        ms += after;
        known.push({ at, end: at + found[0].length, from: ms, to: ms + length });
      } else known.push({ at, end: at + found[0].length, from: null, to: null });
    }
    read.set(said, known);
    return known;
  };
  const before = (list, value) => {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  const offsetIn = (said, node, offset) => {
    const range = document.createRange();
    range.selectNodeContents(said);
    range.setEnd(node, offset);
    return range.toString().length;
  };
  const rangeOf = (said, word) => {
    const walker = document.createTreeWalker(said, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    let seen = 0;
    for (let node; (node = walker.nextNode()); seen += node.data.length) {
      const end = seen + node.data.length;
      if (word.at >= seen && word.at < end) range.setStart(node, word.at - seen);
      if (word.end > seen && word.end <= end) {
        range.setEnd(node, word.end - seen);
        return range;
      }
    }
    return null;
  };
  const caret = (x, y) => {
    if (document.caretPositionFromPoint) {
      const place = document.caretPositionFromPoint(x, y);
      return place && { node: place.offsetNode, offset: place.offset };
    }
    const range = document.caretRangeFromPoint && document.caretRangeFromPoint(x, y);
    return range && { node: range.startContainer, offset: range.startOffset };
  };

  const reveal = (turn, block) => turn.scrollIntoView({ block: block || "center", behavior: "instant" });
  const turnAt = (ms) => turns[Math.max(0, before(starts, ms))];
  const goTo = (ms, play) => {
    const turn = turnAt(ms);
    if (turn) reveal(turn);
    if (!onPage) return;
    until = null;
    seek(ms);
    if (play) start();
  };

  let shown = null; // the word that is lit
  let movedByHand = 0;
  const light = (ms) => {
    const turn = turnAt(ms);
    if (!turn) return;
    const said = turn.querySelector(".said");
    const words = wordsOf(said);
    let word = null;
    for (const w of words) if (w.from !== null && w.from <= ms) word = w;
    if (word && ms > word.to + 700) word = null;
    if (word === shown) return;
    shown = word;
    if (window.CSS && CSS.highlights) {
      const range = word && rangeOf(said, word);
      if (range) CSS.highlights.set("word", new Highlight(range));
      else CSS.highlights.delete("word");
    }
    if (word && $("follow").checked && Date.now() - movedByHand > 4000) {
      const box = turn.getBoundingClientRect();
      const top = $("deck").getBoundingClientRect().bottom;
      const range = rangeOf(said, word);
      const line = range ? range.getBoundingClientRect() : box;
      if (line.top < top + 20 || line.bottom > innerHeight - 80) scrollBy({ top: line.top - top - innerHeight / 4 });
    }
  };
  const tick = () => {
    const ms = media.currentTime * 1000;
    const length = Number($("deck").dataset.length) || 1;
    $("now").setAttribute("x", String(Math.min(998, (1000 * ms) / length)));
    light(ms);
    if (!media.paused) requestAnimationFrame(tick);
  };

  if (transcript) {
    for (const kind of ["wheel", "touchmove"]) addEventListener(kind, () => (movedByHand = Date.now()), { passive: true });
    if (onPage) for (const kind of ["play", "seeked"]) media.addEventListener(kind, tick);
    $("timeline").addEventListener("click", (e) => {
      const box = $("timeline").getBoundingClientRect();
      goTo(((e.clientX - box.left) / box.width) * Number($("deck").dataset.length), false);
    });
    // One listener for all words: which one was clicked is asked of the browser.
    transcript.addEventListener("click", (e) => {
      const said = e.target.closest(".said");
      if (!said || !onPage || !getSelection().isCollapsed) return;
      const place = caret(e.clientX, e.clientY);
      if (!place || !said.contains(place.node)) return;
      const at = offsetIn(said, place.node, place.offset);
      const words = wordsOf(said).filter((w) => w.from !== null);
      const word = words.find((w) => w.end >= at) || words[words.length - 1];
      if (word) playFrom(word.from);
    });
    let waiting = 0;
    if ($("picked"))
      document.addEventListener("selectionchange", () => {
        clearTimeout(waiting);
        waiting = setTimeout(pick, 150);
      });
    const fromHash = () => {
      const found = /^#t(\d{1,10})(-|$)/.exec(location.hash);
      if (!found) return;
      const ms = Number(found[1]);
      const own = document.getElementById(location.hash.slice(1));
      reveal(own || turnAt(ms) || transcript);
      if (onPage) seek(ms);
    };
    addEventListener("hashchange", fromHash);
    fromHash();
  }

  let picked = null; // {address, from, to}
  const pick = () => {
    const selection = getSelection();
    if (picked && $("picked").contains(document.activeElement)) return; // a field of the bar has taken the selection
    picked = null;
    if (window.CSS && CSS.highlights) CSS.highlights.delete("picked");
    if (selection.rangeCount && !selection.isCollapsed) {
      const range = selection.getRangeAt(0);
      const first = firstWord(range);
      const last = lastWord(range);
      if (first !== null && last !== null && first < last)
        picked = { address: `${$("deck").dataset.meeting}/${first}-${last}`, from: first, to: last };
      if (picked && window.CSS && CSS.highlights) CSS.highlights.set("picked", new Highlight(range.cloneRange()));
    }
    $("picked").hidden = !picked;
    if (!picked) return;
    $("picked-time").textContent = `${clock(picked.from)}–${clock(picked.to)}`;
    if ($("picked-quote")) $("picked-quote").href = `/quote/${picked.address}`;
    if ($("picked-clip")) $("picked-clip").action = `/clip/${picked.address}`;
  };
  const touched = (range) => turns.filter((t) => range.intersectsNode(t)).map((t) => t.querySelector(".said"));
  const inside = (said, range) => {
    const from = said.contains(range.startContainer) ? offsetIn(said, range.startContainer, range.startOffset) : 0;
    const to = said.contains(range.endContainer)
      ? offsetIn(said, range.endContainer, range.endOffset)
      : range.comparePoint(said, 0) > 0
        ? 0
        : Infinity;
    const whole = document.createRange();
    whole.selectNodeContents(said);
    if (range.compareBoundaryPoints(Range.END_TO_START, whole) >= 0 && !range.intersectsNode(said)) return [];
    return wordsOf(said).filter((w) => w.from !== null && w.at < to && w.end > from);
  };
  const firstWord = (range) => {
    for (const said of touched(range)) {
      const words = inside(said, range);
      if (words.length) return words[0].from;
    }
    return null;
  };
  const lastWord = (range) => {
    for (const said of touched(range).reverse()) {
      const words = inside(said, range);
      if (words.length) return Math.max(...words.map((w) => w.to));
    }
    return null;
  };
  if ($("picked")) {
    const bar = $("picked");
    bar.addEventListener("mousedown", (e) => {
      if (!e.target.closest("input, select")) e.preventDefault(); // which would end the selection
    });
    bar.addEventListener("keydown", (e) => {
      if (e.key !== "Escape") return;
      document.activeElement.blur();
      getSelection().removeAllRanges();
      pick();
    });
    bar.addEventListener("focusout", (e) => {
      if (!bar.contains(e.relatedTarget)) setTimeout(pick, 150);
    });
    if ($("picked-play")) $("picked-play").addEventListener("click", () => picked && playFrom(picked.from, picked.to));
    $("picked-copy").addEventListener("click", () => picked && copyPicked());
    const style = $("picked-style");
    if (style) {
      style.value = kept("style") ?? "plain";
      if (!style.value) style.value = "plain";
      style.addEventListener("change", () => keep("style", style.value));
    }
  }
  const copyPicked = () => {
    if (published) copy(`${location.href.split("#")[0]}#t${picked.from}`, "Link");
    else copyCitation(picked.address);
  };
  const copyCitation = (address) =>
    citation(address)
      .then((text) => copy(text, "Citation"))
      .catch(() => say("There is no citation for this"));

  // -- next and previous: results on a page of them, passages in a meeting -------------------------

  const listStops = () =>
    transcript
      ? [...transcript.querySelectorAll(transcript.querySelector(".s.found") ? ".s.found" : ".s.topic")]
      : [...document.querySelectorAll("[data-hit]")];
  let stop = -1;
  const step = (by) => {
    const stops = listStops();
    if (!stops.length) return;
    const focused = stops.findIndex((s) => s.contains(document.activeElement));
    if (focused >= 0) stop = focused;
    stop = stop < 0 && by < 0 ? stops.length - 1 : (stop + by + stops.length) % stops.length;
    const here = stops[stop];
    here.scrollIntoView({ block: "center", behavior: "instant" });
    const link = here.querySelector(".play") || here.querySelector("a, button");
    if (link) link.focus({ preventScroll: true });
    if (transcript) {
      const ms = Number(here.id.slice(1));
      if (onPage) seek(ms);
      say(`${stop + 1} of ${stops.length}, at ${clock(ms)}`);
    }
  };
  if ($("next")) {
    $("next").addEventListener("click", () => step(1));
    $("prev").addEventListener("click", () => step(-1));
  }

  // -- clicks and keys ----------------------------------------------------------------------------

  document.addEventListener("click", (e) => {
    const link = e.target.closest("[data-play]");
    if (link && !e.ctrlKey && !e.metaKey && !e.shiftKey) {
      e.preventDefault();
      playHit(link);
      return;
    }
    const sought = e.target.closest("[data-seek]");
    if (sought && onPage && !e.ctrlKey && !e.metaKey && !e.shiftKey) {
      e.preventDefault();
      const ms = Number(sought.dataset.seek);
      if (sought.closest(".deck, .items")) reveal(document.getElementById(`t${ms}`) || turnAt(ms));
      playFrom(ms);
      return;
    }
    const copied = e.target.closest("[data-copy]");
    if (copied) {
      const from = $(copied.dataset.copy);
      copy(from.value ?? from.textContent, from.value ? "Link" : "Citation");
    }
    const opens = e.target.closest("[data-open]");
    if (opens) $(opens.dataset.open).showModal();
  });

  let keysOn = kept("keys") !== "off";
  $("keys-on").checked = keysOn;
  $("keys-on").addEventListener("change", () => {
    keysOn = $("keys-on").checked;
    keep("keys", keysOn ? "on" : "off");
  });
  const citeHere = () => {
    if (picked) return copyPicked();
    const own = $(`style-${kept("style")}`) || document.querySelector("pre[id^='style-']");
    if (own) return copy(own.textContent, "Citation");
    const hit = document.activeElement.closest("[data-hit]") || (stop >= 0 && !transcript && listStops()[stop]);
    if (hit && published) return say("Its own page, or the meeting’s, has what to cite");
    if (hit) return copyCitation(hit.querySelector(".cite").getAttribute("href").replace("/quote/", ""));
    if (published && transcript) return say("Quotes with a page of their own can be cited there: follow the times below them");
    const spoken = transcript && transcript.querySelectorAll(".s[id]");
    if (!spoken || !onPage) return say("Choose a quote first: n");
    say("Select the words to cite");
  };
  const keys = {
    k: toggle,
    j: () => seek(Math.max(0, media.currentTime * 1000 - 5000)),
    l: () => seek(media.currentTime * 1000 + 5000),
    n: () => step(1),
    p: () => step(-1),
    c: citeHere,
    "/": () => ($("q") ? $("q").focus() : location.assign(document.querySelector(".brand").href)),
    "?": () => $("keys").showModal(),
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || $("keys").open) return;
    if (e.target.closest("input, textarea, select, [contenteditable]")) return;
    if (!keysOn && e.key !== "?") return;
    const act = keys[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  });
})();
