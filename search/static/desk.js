/* What those who are signed in can do beyond the forms that the server sent: correct words in place, confirm with a key,
   and say that they listened once the sound has been played. Every form works without any of this. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const { player, say } = window; // of page.js

  // -- listened: only after it was played -----------------------------------------------------------

  const NEAR_S = 0.35; // a player starts, stops and reports its time a little off
  const waiting = [...document.querySelectorAll("form[data-listen]")];
  for (const form of waiting) {
    form.querySelector(".tick").hidden = true;
    form.querySelector("input[name=played]").required = false;
    form.querySelector("button").disabled = true;
  }
  const wasPlayed = (from, to) => {
    let at = from;
    for (let i = 0; i < player.played.length; i++)
      if (player.played.start(i) <= at + NEAR_S) at = Math.max(at, player.played.end(i));
    return at >= to - NEAR_S;
  };
  const check = () => {
    const playing = /\/media\/([a-z0-9-]+)/.exec(player.currentSrc || player.src || "");
    for (const form of waiting) {
      const button = form.querySelector("button");
      const meeting = form.dataset.listen.split("/")[0];
      if (!button.disabled || !playing || playing[1] !== meeting) continue;
      if (!wasPlayed(Number(form.dataset.from) / 1000, Number(form.dataset.to) / 1000)) continue;
      button.disabled = false;
      form.querySelector("input[name=played]").checked = true;
      form.querySelector(".hint").hidden = true;
    }
  };
  for (const kind of ["timeupdate", "pause", "ended"]) player.addEventListener(kind, check);

  // -- words, where they stand ------------------------------------------------------------------------

  const isWritten = (form) => form.elements.text.value !== form.elements.text.defaultValue; // and not saved
  const written = () => [...document.querySelectorAll("form[data-words]")].find(isWritten);
  addEventListener("beforeunload", (e) => {
    if (written()) e.preventDefault(); // the browser asks whether to leave it
  });
  const note = (form, text) => {
    let line = form.querySelector(".warn");
    if (!line) {
      line = document.createElement("p");
      line.className = "warn";
      line.setAttribute("role", "alert");
      form.prepend(line);
    }
    line.textContent = text;
  };
  const go = (path) => {
    const target = new URL(path, location.href);
    const same = target.pathname + target.search === location.pathname + location.search;
    if (!same) return location.assign(target);
    history.replaceState(null, "", target);
    location.reload();
  };
  const save = async (form) => {
    const button = form.querySelector("button.main");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams(new FormData(form)),
      });
      const told = await answer.json();
      if (answer.ok) {
        form.elements.text.defaultValue = form.elements.text.value;
        return go(told.after);
      }
      if (told.now !== null && told.now !== undefined) {
        form.elements.saw.value = told.now;
        note(
          form,
          `Somebody else changed this meanwhile. It says now: “${told.now || "nothing"}”. ` +
            "What you wrote is still here: saving it again puts it in the place of theirs.",
        );
      } else if (told.anew) {
        form.elements.token.value = told.anew.token;
        note(form, `You have signed in anew, as ${told.anew.name}. What you wrote is still here: save it again.`);
      } else if (answer.status === 403) {
        note(form, `${told.error}. What you wrote is still here: sign in again in another tab, then save it again.`);
      } else note(form, told.fix ? `${told.error}: ${told.fix}.` : `${told.error}.`);
    } catch {
      note(form, "The server does not answer. What you wrote is still here: try again in a moment.");
    }
    button.disabled = false;
  };
  document.addEventListener("submit", (e) => {
    const form = e.target.closest("form[data-words]");
    if (form) {
      e.preventDefault();
      save(form);
    } else if (e.target.method === "post") {
      for (const button of e.target.querySelectorAll("button")) setTimeout(() => (button.disabled = true));
    }
  });
  addEventListener("pageshow", (e) => {
    if (e.persisted && !written()) location.reload(); // what went back to may say something else by now
  });

  // On a quote's page the form takes the place of the words.
  const words = $("words");
  const own = document.querySelector(".work form[data-words]");
  const inPlace = () => {
    if (!words || !own) return false;
    if (!words.hidden) {
      own.classList.add("in-place");
      words.hidden = true;
      words.after(own);
    }
    own.querySelector("textarea").focus();
    return true;
  };
  if (words && own) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Correct the words";
    button.id = "edit-words";
    own.before(button);
    own.hidden = true;
    const open = () => {
      own.hidden = false;
      button.hidden = true;
      inPlace();
    };
    button.addEventListener("click", open);
    addEventListener("pageshow", () => isWritten(own) && open()); // whoever comes back finds what they wrote
    const leave = document.createElement("button");
    leave.type = "button";
    leave.textContent = "Leave it";
    own.querySelector("button.main").after(leave);
    leave.addEventListener("click", () => {
      own.reset();
      own.hidden = true;
      words.hidden = button.hidden = false;
      button.focus();
    });
  }

  // In a transcript it opens below the paragraph in which words were selected.
  const template = $("edit");
  const editPicked = async () => {
    if (!template || $("picked").hidden) return say("Select the words first");
    const open = document.querySelector("form.in-place");
    if (open && isWritten(open)) {
      open.elements.text.focus();
      return say("Save what you wrote here, or leave it, first");
    }
    const address = new URL($("picked-quote").href).pathname.replace("/quote/", "");
    const from = Number(/(\d+)-\d+$/.exec(address)[1]);
    const turn = [...document.querySelectorAll(".turn")].filter((t) => Number(t.dataset.at) <= from).pop();
    const answer = await fetch(`/api/quotes/${address}`);
    if (!answer.ok || !turn) return say("These words cannot be corrected just now");
    const text = (await answer.json()).quote.text;
    if (open) open.remove();
    const form = template.content.firstElementChild.cloneNode(true);
    form.action = `/work/${address}`;
    form.elements.saw.value = text;
    form.elements.text.defaultValue = text;
    form.elements.back.value = `${location.pathname}${location.search}#t${turn.dataset.at}`;
    form.querySelector("[data-cancel]").addEventListener("click", () => form.remove());
    turn.append(form);
    getSelection().removeAllRanges();
    form.scrollIntoView({ block: "center", behavior: "instant" }); // its buttons, too
    form.elements.text.focus({ preventScroll: true });
  };
  if ($("picked-edit")) {
    $("picked-edit").addEventListener("click", editPicked);
  }

  // -- keys -------------------------------------------------------------------------------------------

  const confirmHere = () => {
    const task = document.activeElement.closest("[data-hit]");
    const button = (task || (words ? document : null))?.querySelector("[data-confirm]");
    if (!task && document.querySelector("[data-hit]")) return say("Choose one first: n");
    if (!button) return say("There is nothing to confirm here");
    if (button.disabled) return say("Play it to its end first");
    button.form.requestSubmit(button);
  };
  const edit = () => {
    if ($("edit-words") && !$("edit-words").hidden) return $("edit-words").click();
    if (inPlace()) return;
    if (template) return editPicked();
    const link = document.activeElement.closest("[data-hit]")?.querySelector("a[href$='#work']");
    if (link) link.click();
    else say("There are no words to correct here");
  };
  const keys = { y: confirmHere, e: edit };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || $("keys").open || !$("keys-on").checked) return;
    if (e.target.closest("input, textarea, select, [contenteditable]")) return;
    if (!keys[e.key]) return;
    e.preventDefault();
    keys[e.key]();
  });

  // After something was confirmed, what stands in its place now is the next one. The browser goes to it by itself, and
  // by that takes the focus from wherever it is: so it is given afterwards.
  const choose = () => {
    if (!/^#task-\d+$/.test(location.hash)) return;
    const next = document.getElementById(location.hash.slice(1)) || [...document.querySelectorAll(".task")].pop();
    if (!next) return;
    next.scrollIntoView({ block: "center", behavior: "instant" });
    (next.querySelector(".play") || next.querySelector("a, button")).focus({ preventScroll: true });
  };
  // What was done is told at the top of the page: where that is out of sight, here, too.
  const tell = () => {
    const told = [...document.querySelectorAll(".told")].pop();
    if (told && told.getBoundingClientRect().bottom < 0) say(told.textContent.trim(), 6000);
  };
  addEventListener("load", () =>
    setTimeout(() => {
      choose();
      tell();
    }),
  );
})();
