// Each clock's offset over time: the track within its bounds.

function drawClocks() {
  var box = byId("clock-plots");
  if (!box || !byId("clocks").open) return;
  var tracked = data.clocks.filter(function (k) { return k.g && k.g.length; });
  box.className = "plots";
  box.replaceChildren(...tracked.map(function (k) { return html("div", { class: "chart" }); }));
  tracked.forEach(function (k, n) { drawClock(box.children[n], k); });
}

function drawClock(box, k) {
  var width = widthOf(box, 300), height = 170, left = 84, right = width - 14, top = 26, bottom = height - 26, g = [];
  var from = k.g[0][0], to = k.g[k.g.length - 1][1], low = Infinity, high = -Infinity;
  k.g.forEach(function (s) { low = Math.min(low, s[3], s[6]); high = Math.max(high, s[4], s[7]); });
  var room = Math.max(1, (high - low) * 0.08);
  low -= room;
  high += room;
  var x = function (t) { return left + (t - from) / Math.max(1, to - from) * (right - left); }, y = function (o) { return bottom - (o - low) / (high - low) * (bottom - top); };
  ticks(low, high, 4).forEach(function (o) { g.push(svg("line", { class: "axis", x1: left, x2: right, y1: y(o), y2: y(o) }), svg("text", { class: "end dim", x: left - 6, y: y(o) + 4 }, brief(o))); });
  [from, to].forEach(function (t, n) { g.push(svg("text", { class: "dim" + (n ? " end" : ""), x: x(t), y: height - 8 }, clockOf(t).slice(0, 8))); });
  k.g.forEach(function (s) {
    var a = x(s[0]), b = Math.max(a + 1, x(s[1]));
    g.push(svg("path", { class: "band", d: "M" + a + " " + y(s[4]) + "L" + b + " " + y(s[7]) + "L" + b + " " + y(s[6]) + "L" + a + " " + y(s[3]) + "z" }), svg("line", { class: "track", x1: a, x2: b, y1: y(s[2]), y2: y(s[5]) }));
    if (s[8]) g.push(svg("line", { class: "arrow trouble", x1: a, x2: a, y1: top, y2: bottom }), svg("text", { class: "trouble", x: a + 4, y: top + 10 }, word("step")));
  });
  (k.e || []).forEach(function (p) {
    var a = Math.max(top, y(p[2])), b = Math.min(bottom, y(p[1])), at = x(p[0]), kind = p[3] ? " aside" : "";
    if (b < top || a > bottom) return;
    g.push(svg("line", { class: "point" + kind, x1: at, x2: at, y1: a, y2: b }));
    [[p[2], a], [p[1], b]].forEach(function (end) { if (y(end[0]) === end[1]) g.push(svg("line", { class: "bound" + kind, x1: at - 2.5, x2: at + 2.5, y1: end[1], y2: end[1] })); });
  });
  g.push(svg("text", { x: left, y: 14 }, shorten(texts[k.n], 48)));
  place(box, svg("svg", { width: width, height: height, role: "img", "aria-label": word("plot-of", texts[k.n]) }, g));
}
