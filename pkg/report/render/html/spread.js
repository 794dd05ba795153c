// How long each phase took among the journeys shown, on a logarithmic scale,
// and why the longest ones did.

function quantile(sorted, q) { return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]; }

// lengths of every phase of every service: {service, phase, values, owners}.
function lengthsOf(rows) {
  var groups = new Map();
  rows.forEach(function (i) {
    var j = journeys[i];
    j.p.forEach(function (p) {
      if (p[2] < 0) return;
      var key = j.s + " " + p[0], g = groups.get(key);
      if (!g) groups.set(key, g = { service: texts[j.s], phase: p[0], all: [] });
      g.all.push([p[2], i]);
    });
  });
  var out = Array.from(groups.values());
  out.forEach(function (g) { g.all.sort(function (a, b) { return a[0] - b[0]; }); });
  return out.sort(function (a, b) { return a.service < b.service ? -1 : a.service > b.service ? 1 : a.phase - b.phase; });
}

function drawSpread() {
  var box = byId("spread-body");
  if (!byId("spread").open) return;
  var groups = lengthsOf(view.rows), top = groups.reduce(function (a, g) { return Math.max(a, g.all[g.all.length - 1][0]); }, 1000), em = parseFloat(getComputedStyle(box).fontSize) * 0.87;
  var width = box.clientWidth < 760 ? box.clientWidth : Math.max(200, box.clientWidth - 32 * em - 36), low = 1, high = Math.log10(top * 1.3);
  var scale = { width: width, x: function (v) { return Math.max(0, Math.min(1, (Math.log10(Math.max(v, 10)) - low) / (high - low))) * (width - 2) + 1; }, marks: [] };
  for (var p = 1; p <= high; p++) scale.marks.push(Math.pow(10, p));
  var head = html("div", { class: "spread" }, html("div"), svg("svg", { width: width, height: 16, "aria-hidden": "true" }, scale.marks.map(function (v, n) {
    return svg("text", { class: "dim" + (n ? " mid" : ""), x: scale.x(v), y: 12 }, (n ? "" : "≤ ") + brief(v));
  })));
  box.replaceChildren(head, ...groups.map(function (g) { return drawPhase(g, scale); }));
}

function drawPhase(g, scale) {
  var values = g.all.map(function (v) { return v[0]; }), p50 = quantile(values, 0.5), p95 = quantile(values, 0.95), p99 = quantile(values, 0.99), longest = values[values.length - 1];
  var wide = 8, bins = new Array(Math.ceil(scale.width / wide)).fill(0), most = 1, marks = [];
  values.forEach(function (v) { bins[Math.min(bins.length - 1, Math.floor(scale.x(v) / wide))]++; });
  bins.forEach(function (n) { most = Math.max(most, n); });
  scale.marks.forEach(function (v) { marks.push(svg("line", { class: "axis", x1: scale.x(v), x2: scale.x(v), y1: 0, y2: 40 })); });
  bins.forEach(function (n, b) { if (n) { var h = Math.max(2, n / most * 32); marks.push(svg("rect", { class: data.phases[g.phase].c, x: b * wide, y: 39 - h, width: wide - 1, height: h })); } });
  [["p50", p50], ["p95", p95], ["p99", p99]].forEach(function (q) { marks.push(svg("line", { class: q[0], x1: scale.x(q[1]), x2: scale.x(q[1]), y1: 2, y2: 40 })); });
  var odd = g.all.filter(function (v) { return values.length > 4 && v[0] > Math.max(2 * p50, p50 + 1000) && v[0] >= p95; }).slice(-4).reverse();
  odd.forEach(function (v) { marks.push(svg("path", { class: "resent", d: "M" + scale.x(v[0]) + " 30l4 7h-8z" }, svg("title", {}, texts[journeys[v[1]].i] + " " + span(v[0]) + " " + causeOf(v[1])))); });
  var numbers = [["p50", p50], ["p95", p95], ["p99", p99], [word("longest"), longest]];
  var label = g.service + " " + data.phases[g.phase].w + ": " + numbers.map(function (n) { return n[0] + " " + span(n[1]); }).join(", ");
  var why = odd.length ? html("div", { class: "cause" }, word("outliers") + ": ", odd.map(function (v) {
    return [html("a", { class: "id", href: "#j:" + encodeURIComponent(texts[journeys[v[1]].i]) }, texts[journeys[v[1]].i]), " " + span(v[0]) + " (" + (causeOf(v[1]) || word("none")) + ")   "];
  })) : null;
  return html("div", { class: "spread phase" }, html("div", {}, html("b", { title: data.phases[g.phase].n }, data.phases[g.phase].w), html("div", { class: "hint" }, g.service + ", " + word("number") + " " + values.length)),
    svg("svg", { width: scale.width, height: 41, role: "img", "aria-label": label }, svg("line", { class: "axis", x1: 0, x2: scale.width, y1: 39.5, y2: 39.5 }), marks),
    html("dl", {}, numbers.map(function (n) { return html("div", {}, html("dt", {}, n[0]), html("dd", {}, span(n[1]))); })), why);
}
