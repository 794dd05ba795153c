// What every part uses: the data, words, elements, times.
var data = JSON.parse(document.getElementById("data").textContent);
var texts = data.texts, journeys = data.journeys, SVG = "http://www.w3.org/2000/svg";

function word(key, n, m) {
  var text = data.words[key] || key;
  return text.replace("%n", n).replace("%m", m);
}

// element makes one with attributes and children; foreign text only ever
// becomes a text node.
function element(space, name, attributes, children) {
  var e = space ? document.createElementNS(space, name) : document.createElement(name);
  for (var key in attributes) {
    var value = attributes[key];
    if (key.slice(0, 2) === "on") e.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) e.setAttribute(key, value === true ? "" : value);
  }
  (children || []).forEach(function (c) {
    if (c !== undefined && c !== null) e.append(c);
  });
  return e;
}

function html(name, attributes, ...children) { return element("", name, attributes, children.flat(Infinity)); }

function svg(name, attributes, ...children) { return element(SVG, name, attributes, children.flat(Infinity)); }

function byId(id) { return document.getElementById(id); }

// clockOf writes an instant, µs since the base, as time of day in ms, UTC.
function clockOf(at) { return new Date((data.base + at) / 1000).toISOString().slice(11, 23); }

// span writes a duration, µs, as the other outputs do.
function span(d) {
  var a = Math.abs(d);
  if (a < 1000) return Math.round(d) + " µs";
  if (a < 1e6) return (d / 1000).toFixed(1) + " ms";
  return (d / 1e6).toFixed(3) + " s";
}

function signed(d) { return (d < 0 ? "−" : "+") + span(Math.abs(d)); }

// ticks are round numbers between from and to, about n of them.
function ticks(from, to, n) {
  var raw = (to - from) / Math.max(1, n), unit = Math.pow(10, Math.floor(Math.log10(Math.max(raw, 1e-9)))), out = [];
  var step = [1, 2, 5, 10].map(function (k) { return k * unit; }).find(function (s) { return s >= raw; });
  for (var t = Math.ceil(from / step) * step; t <= to && out.length < 50; t += step) out.push(t);
  return out;
}

// brief writes a round number of µs.
function brief(d) {
  var a = Math.abs(d);
  if (a === 0) return "0";
  if (a < 1000) return +d.toFixed(1) + " µs";
  if (a < 1e6) return +(d / 1000).toFixed(2) + " ms";
  return +(d / 1e6).toFixed(3) + " s";
}

function fileName(i) { return i < 0 ? "" : texts[data.files[i].p]; }

// lastPart of a path is enough beside a chart; the tables have all of it.
function lastPart(path) { return path.slice(path.lastIndexOf("/") + 1); }

function shorten(s, n) { return s.length > n ? s.slice(0, n - 1) + "…" : s; }

// length of a journey, µs; 0 where it never ended.
function lengthOf(j) { return j.l === undefined ? 0 : j.l; }

// lengthOrDash writes it; nothing is known of one that never ended.
function lengthOrDash(j) { return j.l === undefined || j.l === 0 && data.outcomes[j.o].bad ? "–" : span(j.l); }

// what a journey is called where there is room for a line.
function nameOf(j) { return [texts[j.s], texts[j.n]].filter(Boolean).join(" "); }

// fitTexts keeps a chart's texts inside it, by the width they have in this font: a
// label that ends at its row is cut, one about a place on the axis is moved.
function fitTexts(chart) {
  var width = +chart.getAttribute("width");
  chart.querySelectorAll("text").forEach(function (t) {
    var b = t.getBBox(), words = t.firstChild;
    if (t.classList.contains("mid")) {
      var least = b.width / 2, x = +t.getAttribute("x");
      if (b.width) t.setAttribute("x", Math.max(least, Math.min(width - least, x)));
      return;
    }
    if (!t.classList.contains("end")) return;
    for (var n = words.data.length - 1; n > 1 && t.getBBox().x < 0; n--) words.data = shorten(words.data, n);
  });
}

// place puts a chart into its box, which the keyboard can scroll where the
// chart is wider.
function place(box, chart) {
  chart.setAttribute("viewBox", "0 0 " + chart.getAttribute("width") + " " + chart.getAttribute("height"));
  box.replaceChildren(chart);
  fitTexts(chart);
  if (box.scrollWidth > box.clientWidth + 1) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", chart.getAttribute("aria-label"));
  } else box.removeAttribute("tabindex");
}

function widthOf(box, least) { return Math.max(least, Math.floor(box.clientWidth)); }

// findingsOf lists the findings that name each journey, the first ranked first.
var findingsOf = journeys.map(function () { return []; });
data.findings.forEach(function (f) { f.j.forEach(function (i) { findingsOf[i].push(f); }); });

// causeOf tells why a journey took its time: what a finding says of it, else
// the largest part of its breakdown.
function causeOf(i) {
  var f = findingsOf[i].find(function (f) { return f.v === "error" || f.v === "warning"; }) || findingsOf[i][0];
  if (f) return texts[f.r];
  var most = (journeys[i].b || []).reduce(function (a, b) { return !a || b[1] > a[1] ? b : a; }, null);
  return most ? word("mostly", data.causes[most[0]].w) : "";
}
