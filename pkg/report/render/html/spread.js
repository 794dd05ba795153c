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
  var groups = lengthsOf(view.rows), top = groups.reduce(function (a, g) { return Math.max(a, g.all[g.all.length - 1][0]); }, 1000), low = 1, high = Math.log10(top * 1.2);
  box.replaceChildren(...groups.map(function (g) { return drawPhase(g, low, high); }));
}

function drawPhase(g, low, high) {
  var values = g.all.map(function (v) { return v[0]; }), p50 = quantile(values, 0.5), p95 = quantile(values, 0.95), p99 = quantile(values, 0.99), longest = values[values.length - 1];
  var x = function (v) { return Math.max(0, Math.min(1, (Math.log10(Math.max(v, 10)) - low) / (high - low))) * 600; };
  var bins = new Array(60).fill(0), most = 1, marks = [];
  values.forEach(function (v) { bins[Math.min(59, Math.floor(x(v) / 10))]++; });
  bins.forEach(function (n) { most = Math.max(most, n); });
  bins.forEach(function (n, b) { if (n) { var h = Math.max(2, n / most * 34); marks.push(svg("rect", { class: data.phases[g.phase].c, x: b * 10, y: 38 - h, width: 9, height: h })); } });
  [p50, p95, p99].forEach(function (v) { marks.push(svg("line", { class: "life", x1: x(v), x2: x(v), y1: 0, y2: 40, "vector-effect": "non-scaling-stroke" })); });
  var name = g.service + " " + data.phases[g.phase].w;
  var numbers = [["p50", p50], ["p95", p95], ["p99", p99], [word("longest"), longest]];
  var chart = svg("svg", { viewBox: "0 0 600 42", preserveAspectRatio: "none", width: "100%", height: 42, role: "img", "aria-label": name + ": " + numbers.map(function (n) { return n[0] + " " + span(n[1]); }).join(", ") },
    svg("line", { class: "axis", x1: 0, x2: 600, y1: 39, y2: 39 }), marks);
  var odd = g.all.filter(function (v) { return values.length > 4 && v[0] > Math.max(2 * p50, p50 + 1000) && v[0] >= p95; }).slice(-4).reverse();
  var why = odd.length ? html("div", { class: "cause" }, word("outliers") + ": ", odd.map(function (v) {
    return [html("a", { class: "id", href: "#j:" + encodeURIComponent(texts[journeys[v[1]].i]) }, texts[journeys[v[1]].i]), " " + span(v[0]) + " (" + (causeOf(v[1]) || word("none")) + ")   "];
  }).flat()) : null;
  return html("div", { class: "spread" }, html("div", {}, html("b", {}, data.phases[g.phase].w), " ", html("span", { class: "hint" }, g.service + ", " + word("number") + " " + values.length)), chart,
    html("dl", {}, numbers.map(function (n) { return html("div", {}, html("dt", {}, n[0]), html("dd", {}, span(n[1]))); })), why);
}
