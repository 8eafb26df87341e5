// The rule editor tries a rule while it is written; without this file the button "Try it" does the same.
(() => {
  const form = document.getElementById("rule-form");
  if (!form) return;
  const rule = form.elements.rule, gutter = document.getElementById("gutter");
  const save = document.getElementById("save"), unsaved = document.getElementById("unsaved");
  const saved = rule.value === form.elements.before.value ? rule.value : form.elements.before.value;
  let timer = 0, asked = null;

  const number = () => {
    const lines = rule.value.split("\n").length;
    gutter.replaceChildren(...Array.from({ length: lines }, (_, at) => {
      const item = document.createElement("li");
      item.textContent = at + 1;
      return item;
    }));
    rule.rows = Math.max(3, lines);
    unsaved.hidden = rule.value.trim() === saved.trim();
  };

  const tell = async () => {
    if (asked) asked.abort();
    asked = new AbortController();
    const query = new URLSearchParams({ rule: rule.value });
    try {
      const answer = await fetch(form.dataset.try + "?" + query, { signal: asked.signal });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const wrong = page.querySelector(".message.bad") !== null;
      for (const part of page.querySelectorAll("[data-into]")) {
        const place = document.getElementById(part.dataset.into);
        if (wrong && part.dataset.into === "tried-right") { place.classList.add("stale"); continue; }
        place.classList.remove("stale");
        place.replaceChildren(...part.childNodes);
      }
      save.disabled = wrong;
      const address = rule.value.trim() === saved.trim() ? location.pathname : location.pathname + "?" + query;
      history.replaceState(null, "", address);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  };

  rule.addEventListener("input", () => { number(); clearTimeout(timer); timer = setTimeout(tell, 250); });
  number();
})();
