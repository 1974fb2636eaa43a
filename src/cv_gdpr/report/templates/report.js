"use strict";
(() => {
  const form = document.getElementById("filter");
  const list = document.getElementById("matches");
  const all = document.getElementById("all");
  const found = document.getElementById("found");
  const more = document.getElementById("more");
  const index = JSON.parse(document.getElementById("index").textContent);
  const STEP = 60;  // a screen and more: drawing cells takes longer than finding their pictures
  let hits = [];
  for (const select of form.querySelectorAll("select[data-of]")) {
    const names = index[select.dataset.of].map((name, number) => [name, number]);
    names.sort((one, other) => one[0].localeCompare(other[0]));
    for (const [name, number] of names) select.add(new Option(name, number));
  }
  const make = (name, about, ...inside) => {
    const made = Object.assign(document.createElement(name), about);
    made.append(...inside);
    return made;
  };
  const dashed = (id) => id.length === 32 ? id.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") : id;
  const where = (flags) => flags & 2 ? "p" : flags & 1 ? "w" : "i";
  let time = 0;  // each row says how many seconds earlier than the row before it is
  for (const row of index.rows) if (typeof row[8] === "number") row[8] = time -= row[8];
  const two = (number) => String(number).padStart(2, "0");
  const written = (seconds) => {
    const at = new Date(seconds * 1000);
    const month = at.getUTCMonth();
    const parts = {y: at.getUTCFullYear(), MMMM: index.months[month], M: month + 1, d: at.getUTCDate(),
      HH: two(at.getUTCHours()), mm: two(at.getUTCMinutes()), ss: two(at.getUTCSeconds())};
    return index.date.replace(/'([^']*)'|y|MMMM|M|d|HH|mm|ss/g, (part, text) => text ?? parts[part]);
  };
  const cell = ([id, flags, width, height, tags, , , , when]) => {
    const stem = (flags & 2 ? "prediction-" : "image-") + dashed(id);
    const picture = width
      ? make("img", {src: `thumbnails/${stem}.jpg`, width, height, alt: "", loading: "lazy"})
      : make("span", {className: "none", textContent: list.dataset.none});
    const names = tags.map((tag) => index.tags[tag]).join(", ") || list.dataset.noTag;
    const words = make("span", {className: "words"}, make("b", {}, make("bdi", {textContent: names})),
      make("span", {textContent: list.dataset[where(flags)]}),
      make("span", {textContent: typeof when === "number" ? written(when) : when}));
    return make("li", {}, make("a", {href: `pictures/${stem}.html`}, make("span", {className: "cell"}, picture), words));
  };
  const show = () => {
    list.append(...hits.slice(list.childElementCount, list.childElementCount + STEP).map(cell));
    more.hidden = list.childElementCount >= hits.length;
  };
  const filter = () => {
    const given = Object.fromEntries(new FormData(form));
    const text = given.metadata.trim().toLowerCase();
    const pairs = new Set();
    if (text !== "") index.metadata.forEach((pair, number) => { if (pair.toLowerCase().includes(text)) pairs.add(number); });
    const active = Object.values(given).some((value) => value.trim() !== "");
    const [tag, iteration, prediction] = [given.tag, given.iteration, given.prediction].map((value) => value === "" ? -1 : Number(value));
    const has = (numbers, number) => number < 0 || numbers.includes(number);
    hits = !active ? [] : index.rows.filter((row) =>
      has(row[4], tag) && has(row[5], iteration) && has(row[7], prediction)
      && (given.tagged === "" || (row[4].length > 0) === (given.tagged === "1"))
      && (given.where === "" || given.where === where(row[1]))
      && (text === "" || row[6].some((pair) => pairs.has(pair))));
    all.hidden = active;
    list.hidden = !active;
    list.replaceChildren();
    show();
    found.textContent = active ? found.dataset.text + hits.length.toLocaleString(document.documentElement.lang) : "";
  };
  for (const [name, id] of new URLSearchParams(location.hash.slice(1))) {  // a link that asks for some pictures
    const number = index[`${name}Ids`]?.indexOf(id) ?? -1;
    if (number >= 0) form.elements[name].value = number;
  }
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  more.addEventListener("click", show);
  filter();
})();
