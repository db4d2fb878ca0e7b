// Makes the page quicker, never possible: everything works without this file.
"use strict";
(() => {
  const form = document.querySelector("form[data-pick]");
  let asked = null;

  // The page of an address, without its frame; null when a later question has overtaken it.
  async function fetched(address) {
    asked?.abort();
    const mine = (asked = new AbortController());
    try {
      const answer = await fetch(address, { headers: { "X-Fragment": "1", Accept: "text/html" }, signal: mine.signal });
      if (answer.redirected) return void location.assign(address);
      return new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
      return null;
    }
  }

  // Take over what is live, then give the focus back to whatever had it.
  function renew(told) {
    const focus = document.activeElement?.id, around = document.activeElement?.closest("[data-live][id]")?.id;
    for (const place of document.querySelectorAll("[data-live][id]")) {
      const fresh = told.getElementById(place.id);
      if (!fresh || fresh.innerHTML === place.innerHTML) continue;
      const open = [...place.querySelectorAll("details[open][id]")].map((one) => one.id);
      place.replaceChildren(...fresh.childNodes);
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    }
    for (const box of form?.elements ?? []) {
      const fresh = box.id && box !== document.activeElement && told.getElementById(box.id);
      if (!fresh) continue;
      if (box.type === "checkbox" || box.type === "radio") box.checked = fresh.checked;
      else if (box.type !== "submit") box.value = fresh.value;
      box.closest("label")?.classList.toggle("none", Boolean(fresh.closest("label")?.classList.contains("none")));
    }
    if (!focus || document.activeElement?.id === focus) return;
    // What had it may be gone, such as a chip that was taken away: whoever uses the keyboard stays where they were.
    const next = document.getElementById(focus) ?? (around && document.getElementById(around));
    if (next?.matches("[data-live]")) next.tabIndex = -1;
    next?.focus({ preventScroll: true });
  }

  async function show(address, remember = true) {
    document.body.classList.add("busy");
    const told = await fetched(address);
    if (!told) return;
    renew(told);
    document.body.classList.remove("busy");
    if (remember) history.pushState({}, "", address);
  }

  function chosen() {
    const pairs = [...new FormData(form)].filter(([, value]) => value.trim() !== "");
    return `${form.getAttribute("action")}?${new URLSearchParams(pairs)}`;
  }

  if (form) {
    let waiting;
    form.addEventListener("change", (event) => {
      if (event.target.matches("[data-search]")) return;
      if (event.target.matches("[data-reload]")) return void location.assign(chosen());
      show(chosen());
    });
    form.addEventListener("input", (event) => {
      if (!event.target.matches("[data-search]")) return;
      clearTimeout(waiting);
      waiting = setTimeout(() => show(chosen(), false), 250);
    });
    form.addEventListener("submit", (event) => { event.preventDefault(); show(chosen()); });
    addEventListener("popstate", () => show(location.href, false));
    // On a small screen what can be chosen is behind a lid, above the result.
    if (matchMedia("(max-width: 860px)").matches) document.getElementById("criteria").open = false;
    document.body.classList.add("quick");
  }

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-go], a[data-into]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (link.matches("[data-go]")) return show(link.href);
    const told = await fetched(link.href);
    if (told) document.querySelector(link.dataset.into).replaceChildren(...told.body.childNodes);
  });

  // What is being made is asked for again until it is.
  (async function poll() {
    if (!document.querySelector("[data-poll]")) return;
    await new Promise((done) => setTimeout(done, 1000));
    const told = await fetched(location.href);
    if (told) renew(told);
    poll();
  })();

  for (const zone of document.querySelectorAll("[data-drop]")) {
    const input = zone.querySelector("input[type=file]"), name = zone.querySelector("[data-name]");
    const tell = () => { name.textContent = input.files[0]?.name ?? ""; };
    for (const kind of ["dragover", "dragleave", "drop"])
      zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.toggle("over", kind === "dragover"); });
    zone.addEventListener("drop", (event) => { input.files = event.dataTransfer.files; tell(); });
    input.addEventListener("change", tell);
  }
})();
