// The table of all journeys: filtered, sorted, and drawn only where it is seen.

var ROW = 28;
var columns = [
  { key: "journey", minor: false, value: function (j, i) { return i; }, cell: function (j) { return texts[j.i]; } },
  { key: "start", minor: true, value: function (j) { return j.t; }, cell: function (j) { return clockOf(j.t); } },
  { key: "service", minor: true, value: function (j) { return texts[j.s]; }, cell: function (j) { return texts[j.s]; } },
  { key: "what", minor: false, value: function (j) { return texts[j.n]; }, cell: function (j) { return texts[j.n]; } },
  { key: "client", minor: true, value: function (j) { return texts[j.c]; }, cell: function (j) { return texts[j.c]; } },
  { key: "total", minor: false, right: true, value: lengthOf, cell: function (j) { return lengthOrDash(j); } },
  { key: "result", minor: true, value: function (j) { return data.outcomes[j.o].w + (j.h || ""); }, cell: function (j) { return data.outcomes[j.o].w + (j.h ? " " + j.h : ""); } },
  { key: "lines", minor: true, right: true, value: function (j) { return j.x || 0; }, cell: function (j) { return String(j.x || 0); } },
];

// view is what the table shows: which journeys, in which order, how.
var view = { text: "", service: "", result: "", finding: "", least: 0, from: null, to: null, sort: "start", down: false, own: true, rows: [], scale: 1, low: 0, high: 1, active: 0 };
var listeners = [];
var haystacks = null;

// haystack is what the text filter searches in one journey.
function haystack(i) {
  if (!haystacks) haystacks = new Array(journeys.length);
  if (haystacks[i] === undefined) {
    var j = journeys[i];
    haystacks[i] = [texts[j.i], texts[j.s], texts[j.n], texts[j.c], texts[j.d], data.outcomes[j.o].w, j.h || "", causeOf(i)]
      .concat(j.p.map(function (p) { return data.phases[p[0]].w + " " + data.phases[p[0]].n; })).join("\n").toLowerCase();
  }
  return haystacks[i];
}

function fits(j, i) {
  var v = view;
  if (v.service && texts[j.s] !== v.service) return false;
  if (v.result && data.outcomes[j.o].w !== v.result) return false;
  if (v.least && lengthOf(j) < v.least) return false;
  if (v.from !== null && (j.t > v.to || j.t + lengthOf(j) < v.from)) return false;
  if (v.finding && !findingsOf[i].some(function (f) { return texts[f.r] === v.finding; })) return false;
  return v.text === "" || v.text.split(" ").every(function (w) { return haystack(i).indexOf(w) >= 0; });
}

// refresh filters and sorts anew, then draws.
function refresh() {
  var column = columns.find(function (c) { return c.key === view.sort; }), rows = [], keys = [];
  journeys.forEach(function (j, i) { if (fits(j, i)) rows.push(i); });
  rows.forEach(function (i) { keys[i] = column.value(journeys[i], i); });
  rows.sort(function (a, b) {
    var order = keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : 0;
    return (view.down ? -order : order) || a - b;
  });
  view.rows = rows;
  view.scale = rows.reduce(function (a, i) { return Math.max(a, lengthOf(journeys[i])); }, 1);
  view.low = rows.reduce(function (a, i) { return Math.min(a, journeys[i].t); }, Infinity);
  view.high = rows.reduce(function (a, i) { return Math.max(a, journeys[i].t + lengthOf(journeys[i])); }, -Infinity);
  if (view.from !== null) { view.low = view.from; view.high = view.to; }
  view.active = Math.max(0, Math.min(view.active, rows.length - 1));
  var text = word("shown", rows.length, journeys.length);
  if (data.left) text += " · " + word("left-out", data.left);
  byId("count").textContent = rows.length ? text : text + " · " + word("no-journey");
  var body = byId("rows");
  body.firstChild.style.height = rows.length * ROW + "px";
  body.parentNode.setAttribute("aria-rowcount", rows.length + 1);
  body.style.height = Math.min(400, Math.max(2, rows.length) * ROW + 2) + "px";
  paintGrid();
  listeners.forEach(function (f) { f(); });
}

// bar is the waterfall of one row, 1000 units wide.
function bar(j) {
  var from = view.own ? j.t : view.low, to = view.own ? j.t + view.scale : Math.max(view.high, view.low + 1), g = [];
  var x = function (t) { return (j.t + t - from) / (to - from) * 1000; };
  j.p.forEach(function (p) {
    if (!p[4] && p[2] >= 0) g.push(svg("rect", { class: data.phases[p[0]].c, x: x(p[1]), y: 6, width: Math.max(2, x(p[1] + p[2]) - x(p[1])), height: 10 }));
  });
  (j.q || []).forEach(function (q) {
    if (!q.m || q.t === undefined) return;
    var at = x(q.t), a = Math.max(0, x(q.t + (q.a || 0))), b = Math.min(1000, x(q.t + (q.z || 0)));
    if (q.a !== undefined && b > a + 1) g.push(svg("line", { class: "whisker", x1: a, x2: b, y1: 19, y2: 19, "vector-effect": "non-scaling-stroke" }));
    if (at >= 0 && at <= 1000) g.push(svg("rect", { class: "stamp", x: at - 3, y: 16.5, width: 7, height: 5 }));
  });
  (j.r || []).forEach(function (t) { g.push(svg("rect", { class: "resent", x: x(t) - 3, y: 1, width: 7, height: 8 })); });
  return svg("svg", { viewBox: "0 0 1000 22", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" }, g);
}

function drawRow(n) {
  var i = view.rows[n], j = journeys[i];
  var row = html("div", { role: "row", class: "row", "aria-rowindex": n + 2, "aria-selected": i === chosen ? "true" : "false", tabindex: n === view.active ? "0" : "-1" },
    columns.map(function (c) {
      var text = c.cell(j, i), bad = c.key === "result" && data.outcomes[j.o].bad;
      return html("div", { role: "gridcell", class: (c.right ? "n " : "") + (c.minor ? "minor " : "") + (bad ? "wrong" : ""), title: text }, text);
    }), html("div", { role: "gridcell" }, html("span", { class: "sr" }, causeOf(i)), bar(j)));
  row.style.top = n * ROW + "px";
  row.addEventListener("click", function () { view.active = n; choose(i, false); });
  return row;
}

// paintGrid draws the rows in sight; all of them, up to a bound, for paper.
function paintGrid(forPaper) {
  var body = byId("rows"), first = Math.max(0, Math.floor(body.scrollTop / ROW) - 4), last = Math.min(view.rows.length, first + Math.ceil(body.clientHeight / ROW) + 9);
  if (forPaper) { first = 0; last = Math.min(view.rows.length, 120); }
  var held = document.activeElement && document.activeElement.parentNode === body, made = [];
  for (var n = first; n < last; n++) made.push(drawRow(n));
  body.replaceChildren(body.firstChild, ...made);
  if (held) focusRow();
}

function choose(i, focus) {
  if (location.hash !== "#j:" + encodeURIComponent(texts[journeys[i].i])) history.replaceState(null, "", "#j:" + encodeURIComponent(texts[journeys[i].i]));
  showJourney(i, focus);
}

function focusRow() {
  var body = byId("rows"), top = view.active * ROW;
  if (top < body.scrollTop) body.scrollTop = top;
  if (top + ROW > body.scrollTop + body.clientHeight) body.scrollTop = top + ROW - body.clientHeight;
  var row = body.querySelector('[aria-rowindex="' + (view.active + 2) + '"]');
  if (row) row.focus({ preventScroll: true });
}

function gridKeys(e) {
  var page = Math.floor(byId("rows").clientHeight / ROW) - 1, last = view.rows.length - 1;
  var moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -last - 1, End: last + 1 };
  if (e.key === "Enter" || e.key === " ") {
    e.preventDefault();
    if (view.rows.length) choose(view.rows[view.active], true);
    return;
  }
  if (!(e.key in moves)) return;
  e.preventDefault();
  view.active = Math.max(0, Math.min(last, view.active + moves[e.key]));
  var body = byId("rows"), top = view.active * ROW;
  if (top < body.scrollTop) body.scrollTop = top;
  if (top + ROW > body.scrollTop + body.clientHeight) body.scrollTop = top + ROW - body.clientHeight;
  paintGrid();
  focusRow();
}

function buildGrid() {
  var heads = html("div", { role: "row", class: "row heads", "aria-rowindex": 1 }, columns.map(function (c) {
    return html("div", { role: "columnheader", class: (c.right ? "n " : "") + (c.minor ? "minor" : ""), "data-key": c.key }, html("button", { type: "button", onclick: function () { sortBy(c.key); } }, word(c.key)));
  }), html("div", { role: "columnheader" }, word("waterfall")));
  var body = html("div", { class: "body", id: "rows", role: "rowgroup", tabindex: "-1" }, html("div", { class: "space", role: "presentation" }));
  byId("grid").append(html("div", { class: "grid", role: "grid", "aria-label": word("journeys"), "aria-rowcount": 1 }, html("div", { role: "rowgroup" }, heads), body));
  var waiting = false;
  body.addEventListener("scroll", function () {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(function () { waiting = false; paintGrid(); });
  });
  body.addEventListener("keydown", gridKeys);
  markSorted();
}

function sortBy(key) {
  view.down = view.sort === key ? !view.down : key === "total" || key === "lines";
  view.sort = key;
  markSorted();
  refresh();
}

function markSorted() {
  document.querySelectorAll("#grid [data-key]").forEach(function (h) {
    var on = h.dataset.key === view.sort;
    h.setAttribute("aria-sort", on ? view.down ? "descending" : "ascending" : "none");
    h.firstChild.textContent = word(h.dataset.key) + (on ? view.down ? " ↓" : " ↑" : "");
  });
}

function options(list) {
  var values = Array.from(new Set(list)).sort();
  return [html("option", { value: "" }, word("all"))].concat(values.map(function (v) { return html("option", { value: v }, v); }));
}

// sign is a mark of the waterfall with what it stands for.
function sign(kind, shape, key) {
  return html("span", {}, svg("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("path", { class: kind, d: shape })), word(key));
}

function buildFilters() {
  var set = function (key, of) { return function (e) { view[key] = of ? of(e.target.value) : e.target.value; view.active = 0; refresh(); }; };
  var pick = function (key, list) {
    return html("label", {}, word(key), html("select", { id: "filter-" + key, onchange: set(key) }, options(list)));
  };
  var search = html("input", { type: "search", id: "filter-text", placeholder: word("search-hint"), oninput: set("text", function (s) { return s.toLowerCase().trim(); }) });
  var least = html("input", { type: "number", id: "filter-least", min: "0", step: "any", oninput: set("least", function (s) { return 1000 * (parseFloat(s) || 0); }) });
  var bars = html("button", { type: "button", id: "bars", "aria-pressed": "false", onclick: function () { view.own = !view.own; bars.setAttribute("aria-pressed", String(!view.own)); paintGrid(); } }, word("bars") + " " + word("incident-time"));
  var clear = html("button", { type: "button", id: "clear", onclick: function () {
    Object.assign(view, { text: "", service: "", result: "", finding: "", least: 0 });
    byId("filters").querySelectorAll("input, select").forEach(function (e) { e.value = ""; });
    zoomTo(null, null);
  } }, word("reset"));
  byId("filters").append(html("label", {}, word("search"), search),
    pick("service", journeys.map(function (j) { return texts[j.s]; })), pick("result", journeys.map(function (j) { return data.outcomes[j.o].w; })),
    pick("finding", data.findings.filter(function (f) { return f.j.length; }).map(function (f) { return texts[f.r]; })),
    html("label", {}, word("longer-than"), least, "ms"), bars, clear,
    sign("resent", "M5 0l5 9h-10z", "retransmission"), sign("stamp", "M5 0l5 5l-5 5l-5 -5z", "whisker"));
}
