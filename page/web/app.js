// What the page does. No framework: the server sends what holds five times a second, and this draws it.
"use strict";

const $ = (id) => document.getElementById(id);

// make builds an element: its attributes, its content.
function make(tag, attributes = {}, ...content) {
  const svg = ["svg", "path", "line"].includes(tag);
  const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...content);
  return e;
}

const say = (e, text) => { if (e.textContent !== text) e.textContent = text; };
const percent = (v) => Math.round(v * 100) + "\u00a0%";
const two = (v) => v.toFixed(2);
const clock = (at) => new Date(at).toLocaleTimeString([], { hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1 });

// ask requests something of the program. Relative to an address with a password in it, fetch refuses to.
const ask = (path, options) => fetch(location.origin + path, options);

let settings = null;    // what GET /api/v1/config said
let frame = { width: 4, height: 3 };
const leds = new Map(); // by name: what draws it

// --- Changes: one request at a time, the newest value of each place ---

const wanted = new Map();
let sending = false, unsaved = false;

function change(path, value) {
  wanted.set(path, String(value));
  send(false);
}

async function send(save) {
  if (sending && !save) return;
  while (sending) await new Promise((r) => setTimeout(r, 50));
  sending = true;
  const set = [...wanted].map(([path, value]) => ({ path, value }));
  wanted.clear();
  for (const { path } of set) trouble(path, "");
  trouble("", "");
  try {
    const r = await ask("/api/v1/config", {
      method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ set, save }),
    });
    if (r.ok) {
      take(await r.json());
      if (save) say($("saved"), "Saved. The one before is beside it.");
    } else if (r.headers.get("Content-Type") === "application/json") {
      for (const p of (await r.json()).problems) trouble(p.path, p.text);
    } else {
      trouble("", await r.text());
    }
  } catch (e) {
    trouble("", "The program doesn't answer: " + e.message);
  }
  sending = false;
  if (wanted.size > 0) send(false);
}

// trouble says at its fields what is wrong with a value.
function trouble(path, text) {
  let places = document.querySelectorAll(`[data-error="${CSS.escape(path)}"]`);
  if (places.length === 0 && text) {
    places = document.querySelectorAll('[data-error=""]');
    text = path + ": " + text;
  }
  for (const place of places) say(place, text);
  for (const field of document.querySelectorAll(`[data-path="${CSS.escape(path)}"]`)) field.setAttribute("aria-invalid", text !== "");
}

// --- The picture and what of it counts ---

function roi() {
  const [x, y, w, h] = (settings?.roi ?? "0,0,1,1").split(",").map(Number);
  if (Math.max(x, y, w, h) <= 1) return { x, y, w, h };
  const [fw, fh] = upright();
  return { x: x / fw, y: y / fh, w: w / fw, h: h / fh };
}

function upright() {
  const turned = settings && settings.rotate % 180 !== 0;
  return turned ? [frame.height, frame.width] : [frame.width, frame.height];
}

// crop is what the network sees of a part: all of it, or with "crop" the largest middle of the network's shape.
function crop(r) {
  if (!settings || settings.fit !== "crop") return r;
  const [fw, fh] = upright(), shape = settings.input[0] / settings.input[1];
  let w = r.w * fw, h = r.h * fh;
  if (w / h > shape) w = h * shape; else h = w / shape;
  return { x: r.x + (r.w - w / fw) / 2, y: r.y + (r.h - h / fh) / 2, w: w / fw, h: h / fh };
}

function place(rect, r) {
  for (const [name, value] of [["x", r.x], ["y", r.y], ["width", r.w], ["height", r.h]]) rect.setAttribute(name, value);
}

function drawView(r = roi()) {
  const [w, h] = upright(), image = $("live").style, turn = settings?.rotate ?? 0;
  $("view").style.aspectRatio = w + "/" + h;
  image.width = (turn % 180 ? h / w : 1) * 100 + "%";
  image.height = (turn % 180 ? w / h : 1) * 100 + "%";
  image.transform = `translate(-50%,-50%) scaleX(${settings?.mirror ? -1 : 1}) rotate(${turn}deg)`;
  place($("roi"), r);
  place($("seen"), crop(r));
  $("shade").setAttribute("d", `M0 0H1V1H0zM${r.x} ${r.y}h${r.w}v${r.h}h${-r.w}z`);
}

function setROI(r) {
  const cut = (v) => Math.round(v * 1000) / 1000;
  const x = cut(Math.min(Math.max(r.x, 0), 0.99)), y = cut(Math.min(Math.max(r.y, 0), 0.99));
  const w = cut(Math.min(Math.max(r.w, 0.01), 1 - x)), h = cut(Math.min(Math.max(r.h, 0.01), 1 - y));
  change("camera.roi", [x, y, w, h].join(","));
}

function dragROI() {
  const view = $("view");
  let from = null, to = null;
  const at = (e) => {
    const box = view.getBoundingClientRect(), inside = (v) => Math.min(Math.max(v, 0), 1);
    return { x: inside((e.clientX - box.left) / box.width), y: inside((e.clientY - box.top) / box.height) };
  };
  const between = () => ({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), w: Math.abs(from.x - to.x), h: Math.abs(from.y - to.y) });
  view.addEventListener("pointerdown", (e) => { from = to = at(e); view.setPointerCapture(e.pointerId); e.preventDefault(); });
  view.addEventListener("pointermove", (e) => { if (from) { to = at(e); drawView(between()); } });
  view.addEventListener("pointerup", () => {
    const r = from && between();
    from = null;
    if (r && r.w > 0.02 && r.h > 0.02) setROI(r); else drawView();
  });
  view.addEventListener("pointercancel", () => { from = null; drawView(); });
}

// --- Lines over time ---

const WIDTH = 600, HEIGHT = 100;
const up = (v) => (HEIGHT * (1 - Math.min(Math.max(v, 0), 1))).toFixed(1);

// lines draws samples {at, score, smoothed, lit} from one time to another.
function lines(graph, samples, from, to) {
  const x = (at) => ((at - from) / (to - from) * WIDTH).toFixed(1);
  let score = "", smoothed = "", was = "", before = null;
  for (const s of samples) {
    const step = before === null || s.at - before > 3000 ? "M" : "L"; // a gap stays one
    score += `${step}${x(s.at)} ${up(s.score)}`;
    smoothed += `${step}${x(s.at)} ${up(s.smoothed)}`;
    if (s.lit) was += `M${x(before !== null && step === "L" ? before : s.at)} 97H${x(s.at)}`;
    before = s.at;
  }
  graph.querySelector(".score").setAttribute("d", score);
  graph.querySelector(".smoothed").setAttribute("d", smoothed);
  graph.querySelector(".was").setAttribute("d", was);
}

function level(line, v) {
  line.setAttribute("x2", WIDTH);
  line.setAttribute("y1", up(v));
  line.setAttribute("y2", up(v));
}

function newGraph(name) {
  const g = make("svg", { class: "graph", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": name },
    make("path", { class: "was" }), make("path", { class: "score" }), make("path", { class: "smoothed" }));
  return g;
}

// --- LEDs ---

function newLED(led, i) {
  const graph = newGraph(`Scores of ${led.name} over the last minute`);
  const dot = make("h3", {}, make("b", { "aria-hidden": "true" }), led.name + " ", make("span"));
  const box = make("div", { class: "led" }, dot, graph);
  const l = { box, graph, dot, samples: [], i, rule: led.on > 0, on: led.on, off: led.off, held: 0 };
  if (l.rule) {
    const sliders = make("div", { class: "sliders" });
    for (const key of ["on", "off"]) {
      const id = `led-${i}-${key}`, path = `leds[${i}].${key}`;
      l[key + "Line"] = make("line", { class: key });
      graph.append(l[key + "Line"]);
      const slider = make("input", { type: "range", id, min: "0.01", max: "1", step: "0.01", "data-path": path });
      const out = make("output", { for: id });
      slider.addEventListener("input", () => threshold(l, key, Number(slider.value)));
      sliders.append(make("label", { for: id }, key === "on" ? "on at" : "off below"), slider, out);
      l[key + "Slider"] = slider;
      l[key + "Text"] = out;
      box.append(make("p", { class: "error", "data-error": path })); // the field below says it aloud
    }
    box.append(sliders);
    dragThresholds(l);
  }
  leds.set(led.name, l);
  $("led-list").append(box);
  return l;
}

function dragThresholds(l) {
  let key = null;
  const at = (e) => {
    const box = l.graph.getBoundingClientRect();
    return 1 - (e.clientY - box.top) / box.height;
  };
  l.graph.addEventListener("pointerdown", (e) => {
    const v = at(e);
    key = Math.abs(v - l.on) <= Math.abs(v - l.off) ? "on" : "off";
    if (Math.abs(v - l[key]) > 0.15) { key = null; return; }
    l.graph.setPointerCapture(e.pointerId);
    e.preventDefault();
  });
  l.graph.addEventListener("pointermove", (e) => { if (key) threshold(l, key, at(e)); });
  for (const end of ["pointerup", "pointercancel"]) l.graph.addEventListener(end, () => { key = null; });
}

// threshold moves one, and takes the other one along if they would cross.
function threshold(l, key, v) {
  v = Math.round(Math.min(Math.max(v, 0.01), 1) * 100) / 100;
  l.held = Date.now();
  l[key] = v;
  change(`leds[${l.i}].${key}`, v);
  if (l.off > l.on) {
    const other = key === "on" ? "off" : "on";
    l[other] = v;
    change(`leds[${l.i}].${other}`, v);
  }
  drawThresholds(l);
}

function drawThresholds(l) {
  for (const key of ["on", "off"]) {
    level(l[key + "Line"], l[key]);
    if (document.activeElement !== l[key + "Slider"] || l.held + 1000 < Date.now()) l[key + "Slider"].value = l[key];
    say(l[key + "Text"], two(l[key]));
  }
}

function showLED(led, i, at) {
  const l = leds.get(led.name) ?? newLED(led, i);
  l.dot.className = led.lit ? "lit" : "";
  say(l.dot.querySelector("span"), led.lit ? (led.light === "steady" ? "on" : led.light) : "off");
  l.samples.push({ at, score: led.score, smoothed: led.smoothed, lit: led.lit });
  while (l.samples.length > 0 && l.samples[0].at < at - 60000) l.samples.shift();
  lines(l.graph, l.samples, at - 60000, at);
  if (l.rule && l.held + 1000 < Date.now()) { // not while somebody drags
    l.on = led.on;
    l.off = led.off;
    drawThresholds(l);
  }
}

// --- What comes five times a second ---

let last = {};

function show(s) {
  if (s.started !== (last.started ??= s.started)) { // another program answers, which may have other LEDs
    location.reload();
    return;
  }
  say($("state"), `${s.state}${s.leds.some((l) => l.lit) ? "; on: " + s.leds.filter((l) => l.lit).map((l) => l.name).join(", ") : ""}`);
  const at = Date.parse(s.at);
  s.leds.forEach((led, i) => showLED(led, i, at));
  const top = s.top.map((t) => {
    const bar = make("i");
    bar.style.width = Math.min(t.score, 1) * 100 + "%";
    return make("li", {}, bar, make("span", {}, t.label), make("span", {}, two(t.score)));
  });
  $("top").replaceChildren(...top);
  unsaved = !!s.unsaved;
  say($("unsaved"), unsaved ? "Changed until the next restart, and not saved." : "");
  for (const b of document.querySelectorAll(".save")) b.disabled = !unsaved || !settings?.may_write;
  const p = s.picture;
  if (p) {
    if (p.width !== frame.width || p.height !== frame.height) { frame = p; drawView(); }
    $("sharpness").value = p.sharpness;
    $("brightness").value = p.brightness;
    say($("sharpness-text"), p.sharpness.toFixed(1));
    say($("brightness-text"), p.brightness.toFixed(0));
    say($("picture-trouble"), p.trouble ?? "");
  }
  if (s.rules !== last.rules) {
    last.rules = s.rules;
    follow(); // another browser may have changed them
  }
  if (s.teaching !== last.teaching) {
    last.teaching = s.teaching;
    if (s.teaching) showTeaching();
  }
  const facts = [
    ["frames a second", s.fps.toFixed(1)], ["age of the newest", s.camera_up ? Math.round(s.age_seconds * 1000) + " ms" : "–"],
    ["frame to LED", (s.frame_to_led_seconds * 1000).toFixed(1) + " ms"], ["network", (s.inference_seconds * 1000).toFixed(1) + " ms"],
    ["dropped, damaged", `${s.dropped}, ${s.damaged} of ${s.frames}`], ["camera", s.camera],
    ["temperature", s.temperature_celsius ? Math.round(s.temperature_celsius) + " °C" : "–"], ["throttled", s.throttled || "no"],
    ["model", s.model], ["version", s.version], ["recording", s.recording || "off"],
  ];
  if (s.trouble) facts.push(["trouble", s.trouble]);
  const text = JSON.stringify(facts);
  if (text !== last.facts) {
    last.facts = text;
    $("facts").replaceChildren(...facts.flatMap(([k, v]) => [make("dt", {}, k), make("dd", {}, v)]));
  }
}

async function follow() {
  const r = await ask("/api/v1/config");
  if (r.ok && !sending && wanted.size === 0) take(await r.json());
}

async function history() {
  const r = await ask("/api/v1/history");
  if (!r.ok) return;
  const minute = await r.json();
  for (const l of leds.values()) {
    l.samples = minute.filter((s) => l.i < s.lit.length)
      .map((s) => ({ at: Date.parse(s.at), score: s.scores[l.i], smoothed: s.smoothed[l.i], lit: s.lit[l.i] }));
  }
}

// --- Settings ---

const FIELDS = [["on", "on at"], ["off", "off below"], ["smoothing", "smoothing"], ["hold", "hold"]];

function take(s) {
  settings = s;
  const r = roi();
  for (const [id, v] of [["roi-x", r.x], ["roi-y", r.y], ["roi-w", r.w], ["roi-h", r.h]]) {
    if (document.activeElement !== $(id)) $(id).value = Math.round(v * 100);
  }
  $("fit-mode").value = s.fit;
  $("rotate").value = s.rotate;
  $("mirror").checked = s.mirror;
  drawView();
  say($("file"), s.file ? `${s.file}${s.may_write ? "" : " (this password is for looking only)"}` : "There is no configuration file: nothing can be saved.");
  if (!$("rules").firstChild) newRules();
  s.leds.forEach((led, i) => {
    for (const [key] of FIELDS) {
      const field = $(`set-${i}-${key}`);
      if (field && document.activeElement !== field) field.value = led[key];
    }
  });
}

function newRules() {
  const form = $("rules");
  settings.leds.forEach((led, i) => {
    if (!led.rule) return;
    const set = make("fieldset", {}, make("legend", {}, led.name));
    for (const [key, label] of FIELDS) {
      const id = `set-${i}-${key}`, path = `leds[${i}].${key}`, error = id + "-error";
      const field = make("input", { id, "data-path": path, "aria-describedby": error, size: "14" });
      field.addEventListener("change", () => change(path, field.value));
      set.append(make("div", { class: "row" }, make("label", { for: id }, label + " "), field,
        make("p", { class: "error", id: error, "data-error": path, role: "alert" })));
    }
    form.append(set);
  });
  const save = make("button", { type: "button", class: "save", disabled: "" }, "Save to the configuration");
  form.append(save);
  for (const b of document.querySelectorAll(".save")) b.addEventListener("click", () => { say($("saved"), ""); send(true); });
  form.addEventListener("submit", (e) => e.preventDefault());
}

// --- Why ---

async function listEvents() {
  const r = await ask("/api/v1/replay");
  const answer = await r.json();
  if (!r.ok) { say($("why-trouble"), answer.problems[0].text); return; }
  say($("why-trouble"), answer.length ? "" : "Nothing has happened yet.");
  $("events").replaceChildren(...answer.map((e) => {
    const button = make("button", { type: "button" }, make("time", { datetime: e.at }, clock(e.at)), make("span", {}, e.why + (e.led ? " of " + e.led : "")));
    if (e.picture) button.append(make("img", { src: pictureOf(e.run, e.moment), alt: "", loading: "lazy" }));
    button.addEventListener("click", () => tell(e));
    return make("li", {}, button);
  }));
}

const pictureOf = (run, moment) => `/api/v1/pictures/${run}/${moment}`;

async function tell(e) {
  last.asked = e;
  const r = await ask(`/api/v1/replay/${e.run}/${e.moment}`);
  const s = await r.json(), story = $("story");
  if (last.asked !== e) return; // another one is wanted meanwhile
  if (!r.ok) { story.replaceChildren(s.problems[0].text); return; }
  story.replaceChildren(make("h3", {}, `${clock(s.at)}: ${s.why}`), make("p", {}, s.text));
  if (s.top.length) story.append(make("p", {}, "Seen: " + s.top.map((t) => `${t.label} ${two(t.score)}`).join(", ")));
  if (e.picture) story.append(make("img", { src: pictureOf(e.run, e.moment), alt: "The frame of this moment", class: "frame" }));
  const from = Date.parse(s.moments[0]?.at), to = Math.max(Date.parse(s.moments.at(-1)?.at), from + 1), now = Date.parse(s.at);
  s.leds.forEach((led, i) => {
    if (!led.on) return;
    const graph = newGraph(`${led.name}: score ${two(led.score)}, smoothed ${two(led.smoothed)}, on at ${two(led.on)}, off below ${two(led.off)}`);
    lines(graph, s.moments.map((m) => ({ at: Date.parse(m.at), score: m.scores[i], smoothed: m.smoothed[i], lit: m.lit[i] })), from, to);
    for (const key of ["on", "off"]) { const line = make("line", { class: key }); level(line, led[key]); graph.append(line); }
    const x = ((now - from) / (to - from) * WIDTH).toFixed(1);
    graph.append(make("line", { class: "now", x1: x, x2: x, y2: HEIGHT }));
    story.append(make("p", {}, `${led.name}: ${led.lit ? "on" : "off"}; score ${two(led.score)}, smoothed ${two(led.smoothed)}; on at ${two(led.on)}, off below ${two(led.off)}`), graph);
  });
  const near = make("div");
  story.append(near);
  if (e.picture) tellNearest(e, near);
  const strip = make("div", { class: "strip", tabindex: "0", role: "group", "aria-label": "The frames around it" });
  for (const m of s.moments) if (m.picture) strip.append(make("img", { src: pictureOf(e.run, m.moment), alt: "Frame at " + clock(m.at), loading: "lazy" }));
  story.append(strip);
  story.focus();
}

// tellNearest shows which of the taught pictures a frame looks like.
async function tellNearest(e, place) {
  if (!last.teaching) return; // nothing is taught here
  const r = await ask(`/api/v1/replay/${e.run}/${e.moment}/nearest`), w = await r.json();
  if (!r.ok) { place.append(make("p", {}, w.problems[0].text)); return; }
  place.append(
    make("h4", {}, "The nearest taught pictures"),
    make("p", {}, `As it is taught now: ${w.answer}. Of the classes ${w.class} scores highest, ${two(w.score)}; the frame is familiar to it by ${two(w.familiar)}, and ${two(w.threshold)} is enough.`),
    make("ul", { class: "near" }, ...w.nearest.map((n) => make("li", {},
      make("img", { src: urlOf(n.file), alt: "Taught picture of " + n.shows, loading: "lazy" }), make("span", {}, `${n.shows} ${two(n.cosine)}`)))));
}

// --- Teach: pictures for the classes of a lesson, and what becomes of them ---

const NONE = "none";
let lesson = null, undone = []; // moves that undo what was done last

async function askLesson(path, method = "GET", body) {
  const r = await ask("/api/v1/lessons" + path, {
    method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body),
  });
  const known = r.headers.get("Content-Type") === "application/json", answer = known ? await r.json() : await r.text();
  if (!r.ok || method !== "GET") say($("teach-trouble"), r.ok ? "" : known ? answer.problems[0].text : answer);
  if (r.ok) showLesson({ folder: answer.folder, classes: answer.classes });
  else if (r.status === 404 && lesson === null) $("teach-form").hidden = true;
  return r.ok && answer;
}

const inClass = (c, name) => `/${encodeURIComponent(c)}/pictures` + (name ? "/" + encodeURIComponent(name) : "");

// urlOf is where a taught picture is shown, by its file's name.
function urlOf(file) {
  const [name, c] = file.split("/").reverse();
  return "/api/v1/lessons" + inClass(c, name);
}

function showLesson(l) {
  const before = JSON.stringify(lesson), focused = document.activeElement?.id;
  lesson = l;
  say($("teach-folder"), l.folder + (last.teaching ? "" : ": teach with  edge teach"));
  if (JSON.stringify(l) === before) return;
  const classes = l.classes.some((c) => c.name === NONE) ? l.classes : [...l.classes, { name: NONE, pictures: [] }];
  $("classes").replaceChildren(...classes.map((c, i) => {
    const button = make("button", { type: "button", id: "class-" + i, class: "class" }, `${c.name}: ${c.pictures.length}`);
    button.disabled = !settings.may_write;
    hold(button, () => takePicture(c.name));
    const strip = make("ul", { class: "strip" });
    for (const [k, name] of c.pictures.slice(0, 24).entries()) strip.append(thumbnail(l, c, name, `picture-${i}-${k}`));
    return make("div", { class: "led" }, button, strip);
  }));
  if (focused) $(focused)?.focus();
}

async function takePicture(name) {
  if (!lesson.classes.some((c) => c.name === name) && !await askLesson("", "POST", { class: name })) return;
  const answer = await askLesson(inClass(name), "POST");
  if (answer) undone.push({ from: name, to: "", name: answer.picture });
  $("undo").disabled = undone.length === 0;
}

function thumbnail(l, c, name, id) {
  const what = `picture ${/^\d{8}-\d{6}/.test(name) ? name.slice(9, 15) : name.replace(/\.\w+$/, "")} of ${c.name}`;
  const to = make("select", { id, "aria-label": what + ": move" }, make("option", { value: "-" }, "…"), make("option", { value: "" }, "delete"));
  to.disabled = !settings.may_write;
  for (const other of l.classes) if (other.name !== c.name) to.append(make("option", { value: other.name }, "to " + other.name));
  to.addEventListener("change", async () => {
    if (to.value === "-") return;
    const target = to.value;
    const answer = await askLesson(inClass(c.name, name), "PATCH", { class: target });
    if (answer) {
      undone = [{ from: target || ".deleted", to: c.name, name: answer.picture }];
      $("undo").disabled = false;
    }
  });
  return make("li", {}, make("img", { src: "/api/v1/lessons" + inClass(c.name, name), alt: what, loading: "lazy" }), to);
}

// hold takes a picture for a click, and one after the other while a button is held. What one press takes is undone together.
function hold(button, what) {
  let timer = 0, busy = false;
  const once = async () => {
    if (busy) return;
    busy = true;
    await what();
    busy = false;
  };
  button.addEventListener("click", (e) => {
    if (e.detail === 0) undone = []; // by keyboard
    once();
  });
  button.addEventListener("pointerdown", () => {
    undone = [];
    clearInterval(timer);
    timer = setInterval(once, 400);
    addEventListener("pointerup", () => clearInterval(timer), { once: true });
    addEventListener("pointercancel", () => clearInterval(timer), { once: true });
  });
}

// showTeaching shows how it goes with the lesson, and how good it is.
async function showTeaching() {
  const r = await ask("/api/v1/teaching");
  if (!r.ok) return;
  const t = await r.json(), card = t.card, progress = $("teach-progress");
  if (t.number < last.told) return; // a later answer came first
  last.told = t.number;
  if (!t.busy) askLesson(""); // the buttons take pictures, too
  $("taught").hidden = false;
  $("teach-again").disabled = t.busy || !settings.may_write;
  progress.hidden = !t.busy || t.of === 0;
  progress.max = Math.max(t.of, 1);
  progress.value = t.done;
  let text = "";
  if (t.busy) text = "Teaching …";
  else if (t.trouble) text = "Not taught: " + t.trouble + (card ? ". What was taught before runs on." : "");
  else if (card && card.classes.some((c) => c.bursts < 2)) text = "Taught. How good it is can't be said before each class has different pictures.";
  else if (card) text = `Taught: ${percent(card.accuracy)} right (${percent(card.accuracy_low)} to ${percent(card.accuracy_high)}), each picture judged as if it weren't taught.`;
  say($("teaching"), text);
  if (card && !t.busy) drawCard(card);
}

function drawCard(card) {
  const drawn = JSON.stringify(card);
  if (drawn === last.card) return;
  last.card = drawn;
  const head = (...names) => make("tr", {}, ...names.map((n) => make("th", { scope: "col" }, n)));
  const rows = card.classes.map((c, i) => make("tr", {}, make("th", { scope: "row" }, c.name), ...[
    c.bursts < c.pictures ? `${c.pictures} (${c.bursts} different)` : c.pictures, ...(c.bursts < 2 ? ["–", "–"] : [percent(c.accuracy), percent(c.kept)]),
    card.confusion[i].map((n, k) => (n > 0 && k !== i && c.bursts > 1 ? `${card.classes[k].name} ${n}×` : "")).filter(Boolean).join(", "),
  ].map((v) => make("td", {}, String(v)))));
  $("card").replaceChildren(
    make("p", {}, make("strong", {}, "What would help most: "), card.advice),
    ...card.warnings.map((w) => make("p", { class: "error" }, w)),
    make("table", {}, make("caption", {}, "Score card"), head("class", "pictures", "right", "familiar", "taken for"), ...rows));
  const judged = new Set(card.classes.filter((c) => c.bursts > 1).map((c) => c.name));
  const wrong = card.worst.filter((w) => w.taken_for !== w.shows && judged.has(w.shows)).slice(0, 6);
  if (wrong.length === 0) return;
  $("card").append(make("h4", {}, "Taken for something else"), make("ul", { class: "near" }, ...wrong.map((w) => make("li", {},
    make("img", { src: urlOf(w.file), alt: "Picture of " + w.shows, loading: "lazy" }),
    ...(w.resembles ? [make("img", { src: urlOf(w.resembles), alt: "The picture that it looks most like", loading: "lazy" })] : []),
    make("span", {}, `${w.shows}, taken for ${w.taken_for}`)))));
}

function startTeaching() {
  $("teach-form").addEventListener("submit", async (e) => {
    e.preventDefault();
    if (await askLesson("", "POST", { class: $("new-class").value.trim() })) $("new-class").value = "";
  });
  $("undo").addEventListener("click", async () => {
    const moves = undone.reverse();
    undone = [];
    $("undo").disabled = true;
    for (const u of moves) if (!await askLesson(inClass(u.from, u.name), "PATCH", { class: u.to })) break;
  });
  $("teach-again").addEventListener("click", () => ask("/api/v1/teaching", { method: "POST" }));
  if (!settings.may_write) for (const e of $("teach-form").elements) e.disabled = true;
  askLesson("");
}

// --- The start ---

let events = null;

// look follows the program as long as somebody sees the page: a browser has six connections for all its tabs, and a page
// behind others costs the board nothing.
function look() {
  events?.close();
  if (document.hidden) {
    stop(); // chromium keeps a stream that no image shows any more
    return;
  }
  $("live").src = "/stream?" + Date.now();
  let known = false;
  const now = events = new EventSource("/events");
  now.onmessage = (e) => {
    if (!known) last.rules = 0; // each stream counts for itself
    show(JSON.parse(e.data));
    if (!known) { known = true; history(); }
  };
  now.onerror = () => {
    known = false;
    say($("state"), "the program doesn't answer");
    if (now.readyState === EventSource.CLOSED) setTimeout(() => { if (now === events) look(); }, 3000); // it was refused: a browser gives up
  };
}

async function start() {
  dragROI();
  for (const id of ["roi-x", "roi-y", "roi-w", "roi-h"]) {
    $(id).addEventListener("change", () => {
      const v = (id) => Number($(id).value) / 100;
      setROI({ x: v("roi-x"), y: v("roi-y"), w: v("roi-w"), h: v("roi-h") });
    });
  }
  $("roi-all").addEventListener("click", () => change("camera.roi", "0,0,1,1"));
  $("fit-mode").addEventListener("change", (e) => change("camera.fit", e.target.value));
  $("rotate").addEventListener("change", (e) => change("camera.rotate", e.target.value));
  $("mirror").addEventListener("change", (e) => change("camera.mirror", e.target.checked));
  $("fit").addEventListener("submit", (e) => e.preventDefault());
  $("reload").addEventListener("click", listEvents);
  $("live").addEventListener("error", () => setTimeout(() => { if (!document.hidden) $("live").src = "/stream?" + Date.now(); }, 2000));
  take(await (await ask("/api/v1/config")).json());
  document.addEventListener("visibilitychange", look);
  look();
  listEvents();
  startTeaching();
}

start();
