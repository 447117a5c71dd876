/* The search of published pages. The statements lie in script files beside them, since a page that is opened as a file
   may load nothing else; each hands over a part. They are looked through from first to last: fifty thousand take a few
   hundredths of a second. Nothing here makes markup out of text. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const form = $("search");
  const files = form.dataset.files.split(" ").filter(Boolean);
  const N_SHOWN = 20;

  // -- text as the program's own search sees it: small letters and digits, without accents and apostrophes ------------

  const PLAIN = { ß: "ss", ø: "o", ł: "l", đ: "d", ð: "d", ħ: "h", ı: "i", æ: "ae", œ: "oe", þ: "th" };
  const fold = (text) => {
    let plain = text.toLowerCase();
    if (/[^\x00-\x7f]/.test(plain))
      plain = plain
        .normalize("NFKD")
        .toLowerCase()
        .replace(/[ßøłđðħıæœþ]/g, (c) => PLAIN[c])
        .replace(/[\p{M}\p{Cf}’‘‛ʼʹ′´＇]/gu, "")
        .replace(/[^\p{L}\p{N}'`,]+/gu, " ");
    if (plain.includes(",")) plain = plain.replace(/(\d),(?=\d{3}(?!\d))/g, "$1");
    return plain.replace(/['`]/g, "").replace(/[\x00-\x2f\x3a-\x60\x7b-\x7f]+/g, " ").trim();
  };

  // -- statements ----------------------------------------------------------------------------------------------------

  const rows = [];
  let missing = 0;
  self.onrecord = (part) => {
    for (const [m, s, from, to, text, codes, reasons, stance, paged, link] of part.rows)
      rows.push({
        meeting: part.meetings[m],
        speaker: part.speakers[s],
        from,
        to,
        text,
        codes: codes.map((c) => part.codes[c]),
        reasons: reasons.map((r) => part.reasons[r]),
        stance,
        paged,
        link,
        folded: ` ${fold(text)} `,
      });
  };
  let loading = null;
  const load = () =>
    (loading ??= Promise.all(
      files.map(
        (src) =>
          new Promise((done) => {
            const script = document.createElement("script");
            script.src = src;
            script.async = false; // in their order, the newest first
            script.onload = done;
            script.onerror = () => done((missing += 1));
            document.head.append(script);
          }),
      ),
    ));

  // -- what is asked -------------------------------------------------------------------------------------------------

  const understand = (typed) => {
    const wanted = [];
    const unwanted = [];
    const notes = [];
    for (const [, not, phrase, word] of typed.replace(/[“”„]/g, '"').matchAll(/(-?)(?:"([^"]*)"?|(\S+))/g)) {
      if (word === "OR" || word === "AND") {
        if (word === "OR") notes.push("OR is not understood here: all of the words are looked for");
        continue;
      }
      if (word && /^(near\/\d+|[a-z]+:.+)$/.test(word)) {
        notes.push(`${word} is not understood here, and left out`);
        continue;
      }
      const folded = fold(phrase ?? word);
      if (folded) (not ? unwanted : wanted).push(phrase === undefined && /\*$/.test(word) ? ` ${folded}` : ` ${folded} `);
    }
    return { wanted, unwanted, notes };
  };
  const count = (text, part) => {
    let n = 0;
    // Words share the space between them.
    for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length - 1)) n += 1;
    return n;
  };
  const find = ({ wanted, unwanted }, speaker, code, newest) => {
    const hits = rows.filter(
      (row) =>
        wanted.every((part) => row.folded.includes(part)) &&
        !unwanted.some((part) => row.folded.includes(part)) &&
        (!speaker || (speaker === "?" ? !row.speaker[2] : row.speaker[2] === speaker)) &&
        (!code || row.codes.some((c) => c[0] === code)),
    );
    if (newest || !wanted.length)
      return hits.sort((a, b) => (a.meeting[3] < b.meeting[3] ? 1 : a.meeting[3] > b.meeting[3] ? -1 : 0));
    // A word weighs the more the fewer statements have it, and the more of a short statement it is.
    const weights = wanted.map((part) => Math.log(1 + rows.length / (1 + rows.reduce((n, r) => n + r.folded.includes(part), 0))));
    for (const hit of hits) {
      const length = hit.folded.length / 120;
      hit.score = wanted.reduce((sum, part, i) => {
        const n = count(hit.folded, part);
        return sum + (weights[i] * n) / (n + 0.5 + length);
      }, 0);
    }
    return hits.sort((a, b) => b.score - a.score);
  };

  // -- what is shown -------------------------------------------------------------------------------------------------

  const clock = (ms) => {
    const s = Math.floor(ms / 1000);
    const two = (n) => String(n).padStart(2, "0");
    return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  };
  const element = (name, kind, text) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.textContent = text;
    return made;
  };
  const STATUS = { confirmed: "confirmed by a person", inferred: "named by software, not checked", unknown: "unknown speaker" };
  const TOKEN = /[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}]|['’‘`´ʼ](?=[\p{L}\p{N}])|(?<=\d),(?=\d{3}(?!\d)))*/gu;

  // Text with what was looked for marked: words in a row that fold to what was wanted.
  const marked = (place, text, wanted) => {
    const words = [...text.matchAll(TOKEN)].map((w) => ({ at: w.index, end: w.index + w[0].length, folded: fold(w[0]) }));
    const spans = [];
    for (const part of wanted) {
      const looked = part.trim().split(" ");
      const begins = !part.endsWith(" ");
      for (let i = 0; i + looked.length <= words.length; i++) {
        const same = looked.every((w, k) => {
          const here = words[i + k].folded;
          return begins && k === looked.length - 1 ? here.startsWith(w) : here === w;
        });
        if (same) spans.push([words[i].at, words[i + looked.length - 1].end]);
      }
    }
    spans.sort((a, b) => a[0] - b[0]);
    let at = 0;
    for (const [from, end] of spans) {
      if (from < at) continue;
      place.append(text.slice(at, from), element("mark", "", text.slice(from, end)));
      at = end;
    }
    place.append(text.slice(at));
  };

  const shown = (row, wanted) => {
    const made = $("one-hit").content.cloneNode(true);
    const [id, title, body, , day, media, prefix] = row.meeting;
    const [name, status, person, role, inCaptions] = row.speaker;
    const by = made.querySelector(".by");
    if (person) {
      const link = element("a", "name", name);
      link.href = `person/${person}.html`;
      by.append(link);
      if (role && !name.toLowerCase().includes(role.toLowerCase())) by.append(" ", element("span", "role", role));
      by.append(" ", element("span", `known ${status}`, STATUS[status] || ""));
    } else {
      by.append(element("span", "name nobody", name.slice(0, 1).toUpperCase() + name.slice(1)));
      if (inCaptions) by.append(" ", element("span", "known unknown", "not matched to a person"));
    }
    marked(made.querySelector("blockquote p"), row.text, wanted);
    const there = `meeting/${id}.html#t${row.from}`;
    const page = row.paged ? `quote/${id}/${row.from}-${row.to}.html` : "";
    const play = made.querySelector(".play");
    play.querySelector("span").textContent = clock(row.from);
    if (media) Object.assign(play.dataset, { play: media, from: row.from, to: row.to, title: `${name}, ${clock(row.from)}` });
    const link = row.link === null ? "" : prefix + row.link;
    if (media) play.href = page ? `${page}#play` : there;
    else if (/^https?:/.test(link)) play.href = link;
    if (play.href) play.setAttribute("aria-label", `Play at ${clock(row.from)}: ${name}`);
    else play.replaceWith(element("span", "", clock(row.from)));
    const place = made.querySelector(".there");
    place.textContent = title;
    place.href = there;
    if (body) made.querySelector(".body").textContent = body;
    else made.querySelector(".body").remove();
    if (day) {
      made.querySelector("time").textContent = day;
      made.querySelector("time").dateTime = row.meeting[3];
    } else made.querySelector("time").remove();
    if (page) made.querySelector(".cite").href = page;
    else made.querySelector(".cite").remove();
    const marks = made.querySelector(".marks");
    for (const code of row.codes) marks.append(element("li", "", code[1]));
    if (row.stance) marks.append(element("li", "", row.stance));
    if (row.reasons.length) marks.append(element("li", "listen", `Listen first: ${row.reasons.join(", ")}`));
    if (!marks.childElementCount) marks.remove();
    return made;
  };

  let hits = [];
  let asked = { wanted: [], unwanted: [], notes: [] };
  let n = 0;
  const more = () => {
    const first = n;
    $("hits").append(...hits.slice(n, n + N_SHOWN).map((row) => shown(row, asked.wanted)));
    n = Math.min(hits.length, n + N_SHOWN);
    $("more").hidden = n >= hits.length;
    return first;
  };
  const fields = ["q", "speaker", "code", "sort"];
  const search = async () => {
    const given = new URLSearchParams(location.hash.slice(1));
    if (!fields.some((f) => given.has(f))) return;
    for (const f of fields) {
      $(f).value = given.get(f) || "";
      if ($(f).value !== (given.get(f) || "")) $(f).value = "";
    }
    $("found").hidden = false;
    $("teach").hidden = true;
    $("hits").replaceChildren();
    $("more").hidden = true;
    $("summary").textContent = "Reading the statements …";
    await load();
    const began = performance.now();
    asked = understand($("q").value);
    hits = find(asked, $("speaker").value, $("code").value, $("sort").value === "newest");
    $("found").dataset.ms = String(Math.round(performance.now() - began));
    const notes = [...new Set(asked.notes)];
    if (missing) notes.push(`${missing} of ${files.length} files of statements are not there: this searched only the others`);
    if (!hits.length && asked.wanted.some((part) => part.endsWith(" ")))
      notes.push("words are found just as they are written: consult* finds all that begin so");
    if (!hits.length)
      notes.push("software mishears, names above all: that nothing is found does not show that nothing was said");
    $("noted").textContent = notes.map((note) => `${note[0].toUpperCase()}${note.slice(1)}.`).join(" ");
    $("noted").hidden = !notes.length;
    $("summary").textContent = hits.length
      ? `${hits.length.toLocaleString("en-GB")} ${hits.length === 1 ? "quote" : "quotes"}`
      : "Nothing that was transcribed says this.";
    n = 0;
    $("hits").replaceChildren();
    more();
    $("found").dataset.shown = location.hash;
  };
  const ask = () => {
    const given = new URLSearchParams();
    for (const f of fields) if ($(f).value.trim() || f === "q") given.set(f, $(f).value.trim());
    const hash = `#${given}`;
    if (location.hash === hash) search();
    else location.hash = hash;
  };

  form.addEventListener("submit", (e) => {
    e.preventDefault();
    ask();
  });
  for (const f of ["speaker", "code", "sort"]) $(f).addEventListener("change", ask);
  $("q").addEventListener("focus", load, { once: true });
  $("more").addEventListener("click", () => {
    const first = $("hits").children[more()];
    const link = first && first.querySelector("a");
    if (link) link.focus({ preventScroll: true });
  });
  addEventListener("hashchange", search);
  search();
})();
